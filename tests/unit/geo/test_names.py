from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo import country_code, country_name, forward
from factory.geo.gazetteer import countries

WRITTEN = [
    ("Türkiye", "TR"), ("USA", "US"), ("Holland", "NL"), ("Ivory Coast", "CI"), ("England", "GB"), ("Česko", "CZ"),
    ("Niger", "NE"), ("Nigeria", "NG"), ("Guinea", "GN"), ("Guinea-Bissau", "GW"), ("Equatorial Guinea", "GQ"),
    ("Papua New Guinea", "PG"), ("Congo", "CG"), ("DR Congo", "CD"), ("Congo (Kinshasa)", "CD"),
    ("Congo-Brazzaville", "CG"), ("Korea", "KR"), ("North Korea", "KP"), ("South Korea", "KR"), ("Dominica", "DM"),
    ("Dominican Republic", "DO"), ("Georgia", "GE"), ("Micronesia", "FM"), ("Swaziland", "SZ"), ("Burma", "MM"),
    ("Macedonia", "MK"), ("Cape Verde", "CV"), ("East Timor", "TL"), ("Vatican", "VA"), ("Vatican City", "VA"),
    ("Palestine", "PS"), ("Kosovo", "XK"), ("Taiwan", "TW"), ("Hong Kong", "HK"), ("Macau", "MO"), ("Russia", "RU"),
    ("Российская Федерация", "RU"), ("日本", "JP"), ("中国", "CN"), ("中國", "CN"),
    ("대한민국", "KR"), ("한국", "KR"), ("Deutschland", "DE"), ("España", "ES"), ("Ελλάδα", "GR"), ("مصر", "EG"),
    ("भारत", "IN"), ("ประเทศไทย", "TH"), ("ไทย", "TH"), ("Україна", "UA"), ("საქართველო", "GE"), ("Հայաստան", "AM"),
    ("ישראל", "IL"), ("বাংলাদেশ", "BD"), ("U.S.A.", "US"), ("U.S.", "US"), ("US", "US"), ("UK", "GB"),
    ("U.K.", "GB"), ("Great Britain", "GB"), ("Scotland", "GB"), ("UAE", "AE"), ("U.A.E.", "AE"), ("FIN", "FI"),
    ("FI", "FI"), ("The Gambia", "GM"), ("The Bahamas", "BS"), ("the Netherlands", "NL"),
    ("Kingdom of Denmark", "DK"), ("Republic of Ireland", "IE"), ("Côte d’Ivoire", "CI"), ("Bosnia", "BA"),
    ("Bosnia & Herzegovina", "BA"), ("St. Lucia", "LC"), ("Saint Kitts and Nevis", "KN"),
    ("St. Vincent and the Grenadines", "VC"), ("Réunion", "RE"), ("Curaçao", "CW"), ("Åland", "AX"),
    ("Puerto Rico", "PR"), ("Guam", "GU"), ("American Samoa", "AS"), ("Samoa", "WS"), ("US Virgin Islands", "VI"),
    ("British Virgin Islands", "VG"), ("Sint Maarten", "SX"), ("Saint Martin", "MF"), ("Faroe Islands", "FO"),
    ("Greenland", "GL"), ("Svalbard", "SJ"), ("French Guiana", "GF"), ("Guyana", "GY"), ("Mali", "ML"),
    ("Malawi", "MW"), ("Maldives", "MV"), ("Mauritius", "MU"), ("Mauritania", "MR"), ("Austria", "AT"),
    ("Australia", "AU"), ("Slovakia", "SK"), ("Slovenia", "SI"), ("Iran", "IR"), ("Iraq", "IQ"), ("Lao PDR", "LA"),
    ("Syria", "SY"), ("Viet Nam", "VN"), ("Brunei", "BN"), ("Tanzania", "TZ"), ("Bolivia", "BO"),
    ("Venezuela", "VE"), ("Moldova", "MD"), ("Czechia", "CZ"), ("Czech Republic", "CZ"), ("Sri Lanka", "LK"),
    ("Ceylon", "LK"), ("Zaire", "CD"), ("Zimbabwe", "ZW"), ("Rhodesia", "ZW"), ("Western Sahara", "EH"),
    ("Eswatini", "SZ"), ("North Macedonia", "MK"), ("Antarctica", "AQ"), ("Jersey", "JE"), ("Isle of Man", "IM"),
    ("Gibraltar", "GI"), ("Trinidad", "TT"), ("Estados Unidos", "US"), ("États-Unis", "US"),
    ("Vereinigte Staaten", "US"), ("Royaume-Uni", "GB"), ("Vereinigtes Königreich", "GB"), ("Alemania", "DE"),
    ("Allemagne", "DE"), ("Francia", "FR"), ("Frankreich", "FR"), ("Japon", "JP"), ("Япония", "JP"),
    ("اليابان", "JP"), ("Polska", "PL"), ("Magyarország", "HU"), ("Suomi", "FI"), ("Sverige", "SE"),
    ("Norge", "NO"), ("Danmark", "DK"), ("Ísland", "IS"), ("Eesti", "EE"), ("Latvija", "LV"), ("Lietuva", "LT"),
    ("Shqipëria", "AL"), ("Hrvatska", "HR"), ("Brasil", "BR"), ("México", "MX"), ("Perú", "PE"),
    ("República Dominicana", "DO"), ("Maroc", "MA"), ("Algérie", "DZ"), ("Việt Nam", "VN"), ("Pilipinas", "PH"),
    ("Malaysia", "MY"), ("NA", "NA"), ("Namibia", "NA"), ("Timor-Leste", "TL"), ("Lesotho", "LS"), ("Sudan", "SD"),
    ("South Sudan", "SS"), ("Central African Republic", "CF"), ("Oman", "OM"), ("Romania", "RO"), ("Chad", "TD"),
    ("Jordan", "JO"), ("Cuba", "CU"), ("Togo", "TG"), ("Tonga", "TO"), ("S. Korea", "KR"),
    ("Republic of Korea", "KR"), ("ROK", "KR"), ("DPRK", "KP"), ("Northern Ireland", "GB"),
    ("People's Republic of China", "CN"), ("Kyrgyz Republic", "KG"),
]  # fmt: skip


def test_the_table_is_large() -> None:
    assert len(dict(WRITTEN)) >= 120


@pytest.mark.parametrize(("name", "code"), WRITTEN)
def test_knows_what_people_call_countries(name: str, code: str) -> None:
    assert country_code(name) == code


@pytest.mark.parametrize(
    "name",
    [
        None, "", "no", "in", "is", "it", "me", "Nigerien", "Germny", "Guineas", "Atlantis", "Paris", "Texas", "Tibet",
        "Crimea", "Europe", "Africa", "Yugoslavia", "Virgin Islands", "Saint", "North", "United", "Congo River",
        "Republic", "AA", "QQ", "ZZZ", "x" * 10_000, "\0",
    ],
)  # fmt: skip
def test_never_guesses(name: str | None) -> None:
    assert country_code(name) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Korea, Rep.", "KR"),
        ("Korea, Dem. People's Rep.", "KP"), ("Iran, Islamic Rep.", "IR"), ("Bahamas, The", "BS"),
        ("Congo, Dem. Rep.", "CD"), ("Congo, Rep.", "CG"), ("Egypt, Arab Rep.", "EG"), ("Yemen, Rep.", "YE"),
        ("Micronesia, Fed. Sts.", "FM"), ("Czech Rep.", "CZ"), ("Burma (Myanmar)", "MM"), ("Myanmar [Burma]", "MM"),
        ("Great Britain (UK)", "GB"), ("Côte d'Ivoire (Ivory Coast)", "CI"), ("St. Vincent & the Grenadines", "VC"),
        ("República de Irlanda", "IE"), ("Republik Österreich", "AT"), ("🇫🇷", "FR"), ("🇯🇵", "JP"),
    ],
)  # fmt: skip
def test_reads_turned_doubled_and_shortened_names_and_flags(name: str, code: str) -> None:
    assert country_code(name) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Bahamas (the)", "BS"), ("Central African Republic (the)", "CF"), ("Cook Islands (The)", "CK"),
        ("Netherlands (Kingdom of the)", "NL"), ("Korea (the Republic of)", "KR"), ("Philippines [the]", "PH"),
        ("Korea (the Democratic People's Republic of)", "KP"), ("Moldova (the Republic of)", "MD"),
        ("Bolivia (Plurinational State of)", "BO"), ("Iran (Islamic Republic of)", "IR"), ("Niger (the)", "NE"),
        ("Congo (the)", "CG"), ("Sudan (the)", "SD"), ("Gambia (the)", "GM"), ("Comoros (the)", "KM"),
        ("Pitcairn Is.", "PN"), ("Faeroe Is.", "FO"), ("Faroe Is.", "FO"), ("U.S. Virgin Is.", "VI"),
        ("British Virgin Is.", "VG"), ("Br. Virgin Is.", "VG"), ("Turks and Caicos Is.", "TC"), ("N. Cyprus", "CY"),
        ("Czech Rep.", "CZ"), ("Dominican Rep.", "DO"), ("Central African Rep.", "CF"), ("Cayman Is.", "KY"),
        ("Cook Is.", "CK"), ("Marshall Is.", "MH"), ("Solomon Is.", "SB"), ("N. Mariana Is.", "MP"),
        ("Falkland Is.", "FK"), ("Wallis and Futuna Is.", "WF"), ("Fr. Polynesia", "PF"), ("W. Sahara", "EH"),
        ("Eq. Guinea", "GQ"), ("S. Sudan", "SS"), ("N. Korea", "KP"), ("S. Geo. and the Is.", "GS"),
        ("Heard I. and McDonald Is.", "HM"), ("Br. Indian Ocean Ter.", "IO"), ("Fr. S. Antarctic Lands", "TF"),
        ("St-Martin", "MF"), ("St. Pierre and Miquelon", "PM"), ("Norfolk I.", "NF"), ("Christmas I.", "CX"),
        ("Åland Is.", "AX"), ("Ashmore and Cartier Is.", "AU"), ("Indian Ocean Ter.", "AU"),
    ],
)  # fmt: skip
def test_reads_the_short_forms_of_maps_and_of_the_united_nations(name: str, code: str) -> None:
    assert country_code(name) == code


@pytest.mark.parametrize(
    ("query", "city"),
    [
        ("Praha, Czech Rep.", "Prague"), ("Nassau, Bahamas (the)", "Nassau"), ("Tórshavn, Faeroe Is.", "Tórshavn"),
        ("Kyrenia, N. Cyprus", "Kyrenia"), ("Manila, Philippines (the)", "Manila"), ("Juba, S. Sudan", "Juba"),
    ],
)  # fmt: skip
def test_a_short_form_binds_a_place_to_its_country(query: str, city: str) -> None:
    found = forward([query]).row(0, named=True)
    assert (found["city"], found["score"]) == (city, 1.0)


@pytest.mark.parametrize(
    "name", ["France (Germany)", "Korea (Texas)", "Paris (France)", "Paris, France", "🇽🇽", "República de China Popular"]
)
def test_names_that_contradict_each_other_are_no_country(name: str) -> None:
    assert country_code(name) is None


def test_one_letter_never_makes_another_country() -> None:
    assert country_code("Nigeri") is None
    assert country_code("Austra") is None
    assert country_code("Irak") == "IQ"


def test_every_country_has_a_name_that_leads_back() -> None:
    codes = countries()["code"].to_list()
    assert [code for code in codes if country_code(country_name(code)) != code] == []
    assert [code for code in countries()["alpha3"].drop_nulls() if country_code(code) is None] == []


def test_names_are_short() -> None:
    assert [country_name(code) for code in ("RU", "KR", "TZ", "XK", "ZZ", None)] == [
        "Russia", "South Korea", "Tanzania", "Kosovo", None, None,
    ]  # fmt: skip


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_answered(text: str) -> None:
    code = country_code(text)
    assert code is None or country_name(code)
