from __future__ import annotations

from collections.abc import Callable

import pytest

from factory.verify import no_leak
from schemas import Case, LocatedAnswer
from tests.effort import bounded_work

Answer = Callable[..., LocatedAnswer]
Make = Callable[..., Case]

LEAKS = {
    "quotes_coordinates": [
        "The place lies at 55.7887, 49.1221.",
        "That is 55.79, 49.12 on the map.",
        "Near (55.8; 49.1), by the river.",
        "It is at 48,85661 / 2,35222.",
        "Position −33.85678 151.21530 in the harbour.",
        "Somewhere about 55°47'N.",
        "Marked 55° 47′ 12″ N, 49° 7′ E.",
        "At 55.79° N the sun stays low.",
        "Latitude 55.79 fits.",
        "latitude: 55, longitude: 49",
        "Its coordinates are 55.79 and something.",
        "lat=55.7 lon=49.1",
        "The GPS coordinates confirm Kazan.",
        "The coordinates provided point to Kazan.",
        "Plus code 9G7V+QX2 leads there.",
        "See https://maps.google.com/?q=kazan",
        "Full-width ５５.７８８７, ４９.１２２１ too.",
        "N55.7887 E49.1221 is the river.",
        "55 degrees north, 49 degrees east.",
        "At about 55.8 north and 49.1 east.",
        "Lat. 55, Long. 49.",
        '{"lat": 55.7, "lon": 49}',
        "55 47 19 N 49 07 20 E",
        "55d47m N",
        "+55.7887+049.1221/",
        "The Maidenhead locator LO45ns fits.",
        "https://mapy.cz/s/abc",
    ],
    "quotes_file_name": [
        "The picture ru-kazan-07 shows a tram.",
        "As ru-kazan-07.jpg suggests, Kazan.",
        "From IMG_1234.jpg one sees a tram.",
        "The name DSC01234 is a Sony camera's.",
        "PXL_20230517 was taken in May.",
        "The file name says Kazan.",
        "The filename contains Kazan.",
        "Judging by the image name, it is Kazan.",
        "holiday.heic is an iPhone photo.",
    ],
    "quotes_metadata": [
        "The EXIF says Canon.",
        "According to the metadata it is Kazan.",
        "The photo is geotagged in Kazan.",
        "The GPS tag points to Kazan.",
        "The GPS data agree.",
        "The image caption mentions Kazan.",
        "According to the caption this is Kazan.",
        "The caption of the photo names the Kremlin.",
        "The GPS says Kazan.",
        "According to the GPS, this is Kazan.",
        "IPTC data name Kazan.",
        "The embedded location reads Kazan.",
        "The title of the image is Kazan Kremlin.",
        "The image description says Kazan.",
        "The URL mentions Kazan.",
    ],
    "echoes_instructions": [
        "The ground truth is Kazan.",
        "As given, the place is Kazan.",
        "The provided location is Kazan.",
        "The correct answer is Kazan.",
        "I was told that this is Kazan.",
        "The prompt asks for a city.",
        "According to the instructions the answer is JSON.",
        "The city is given in the question.",
        "As stated in the question, it is Kazan.",
        "The hint points to Kazan.",
        "The dataset label says Kazan.",
        "Since you mentioned Kazan, it fits.",
        "The actual location is Kazan.",
        "The true location of the photo is Kazan.",
    ],
}

INNOCENT = [
    "Built in 1898, restored in 1996-1998.",
    "A menu lists 12.50, 13.90 and 15.20 for lunch.",
    "Prices of €1.250, 2.500 and 3.750 are shown.",
    "Prices of 49.50, 55.20 roubles on a board.",
    "House number 30, Baker Street 221b.",
    "A sign limits speed to 30 km/h, another to 5.5 t and 2,30 m.",
    "Route 66 and Interstate 40 shields, A 113, E105.",
    "Phone +7 843 292-12-34 and 8 (800) 555-35-35 on a van; tel. 843 5550123.",
    "Number plates A 123 BC 116 and KA-07 MX 1234.",
    "Showery light appropriate for that latitude; high latitude, long shadows.",
    "A mural with a Russian caption and its German version.",
    "A plateau along a long 3.5 m wide path; the lon tree flats.",
    "A metal bridge, a geometric facade, a geodesic dome.",
    "Profile of the town; a file of hikers.",
    "It was 25.5 °C, turned 12° to the left, 25° warm.",
    "A GPS device on the dashboard and a phone with maps.",
    "The actual location cannot be determined; the exact place remains open.",
    "Truth be told, the answer is not certain; a label on the bottle says Kazan beer.",
    "A name plate, the photo shows a title in Cyrillic; ID card office.",
    "12:30 on the clock, 24/7, 3+2 windows, M7 motorway 7.5 km, 100.5 FM, score 2:1.",
    "Given the Cyrillic letters, a city in Russia; a given name on a shop.",
    "The board gives instructions for visitors.",
    "Version 10.15.7 on a screen, 192.168.0.1 on a sticker.",
    "The true location is unclear, and the actual location is likely elsewhere.",
    "The taxi has a GPS; a map with a location pin hangs on the wall.",
    "The question is whether the description on the plaque is Tatar.",
    "A 5 m x 3 m poster, 20-30 people, north of the river and east of the bridge.",
    "Die tatsächliche Position ist unklar, wie auf dem Schild angegeben.",
    "実際の場所は不明です。",
    "真实位置是未知的。",
]

FOREIGN = {
    "quotes_metadata": [
        "Laut den Metadaten des Bildes ist es Kasan.",
        "Die GPS-Daten zeigen Kasan.",
        "Laut Bildunterschrift ist das Kasan.",
        "D'après les métadonnées de l'image, c'est Kazan.",
        "Les données GPS indiquent Kazan.",
        "La légende de la photo le dit.",
        "Según los metadatos de la imagen, es Kazán.",
        "El pie de foto lo confirma.",
        "Segundo os metadados da imagem, é Kazan.",
        "Secondo i metadati dell'immagine è Kazan.",
        "Согласно метаданным изображения, это Казань.",
        "Подпись к фото гласит: Казань.",
        "根据图片的元数据，这里是喀山。",
        "GPS数据显示这里是喀山。",
        "图片说明写着喀山。",
        "画像のメタデータによると、ここはカザンです。",
        "写真の位置情報によるとカザンです。",
        "이미지 메타데이터에 따르면 카잔입니다.",
        "وفقًا للبيانات الوصفية للصورة، هذه قازان.",
        "चित्र के मेटाडेटा के अनुसार यह कज़ान है।",
        "根据EXIF信息，这是喀山。",
        "根据GPS定位，是喀山。",
        "图片的拍摄位置信息显示喀山。",
        "GPSによるとカザンです。",
        "GPS에 따르면 카잔입니다.",
        "Laut Aufnahmeort Kasan.",
        "La posición GPS es Kazán.",
        "Według metadanych to Kazań.",
        "Meta verilere göre Kazan.",
        "Theo siêu dữ liệu, đây là Kazan.",
    ],
    "quotes_file_name": [
        "Der Dateiname nennt Kasan.",
        "Le nom du fichier contient Kazan.",
        "El nombre del archivo dice Kazán.",
        "O nome do arquivo diz Kazan.",
        "Il nome del file dice Kazan.",
        "Имя файла указывает на Казань.",
        "文件名里有喀山。",
        "ファイル名からカザンと分かる。",
        "파일 이름에 카잔이 있다.",
        "اسم الملف يشير إلى قازان.",
        "फ़ाइल का नाम कज़ान बताता है।",
        "Nazwa pliku mówi Kazań.",
        "Tên tệp cho biết Kazan.",
        "Nama berkas menunjukkan Kazan.",
    ],
    "quotes_coordinates": [
        "Die Koordinaten 55,79 und 49,12 liegen in Kasan.",
        "Laut den Koordinaten ist es Kasan.",
        "Etwa 55,79 Grad Nord.",
        "55 Grad 47 Minuten nördlicher Breite.",
        "Latitude : 55,79 environ, 48 degrés 51 minutes.",
        "Les coordonnées GPS mènent à Kazan.",
        "Según las coordenadas es Kazán.",
        "A latitude 55,79 confirma.",
        "Le coordinate fornite indicano Kazan.",
        "Широта 55,79 подходит.",
        "根据坐标，这里是喀山。",
        "北纬55.79度，东经49.12度。",
        "座標によるとカザンです。",
        "北緯55度47分のあたり。",
        "제공된 좌표는 카잔이다.",
        "북위 55.79도 부근.",
        "خط العرض 55.79 يدل على قازان.",
        "अक्षांश 55.79 है।",
        "Die Koordinaten zeigen auf Kasan.",
        "Les coordonnées indiquent Kazan.",
        "Las coordenadas indican Kazán.",
        "По этим координатам это Казань.",
        "وفقا للإحداثيات هي قازان.",
        "निर्देशांक के अनुसार यह कज़ान है।",
        "Współrzędne wskazują na Kazań.",
        "Koordinatnya menunjukkan Kazan.",
    ],
    "echoes_instructions": [
        "Der Nutzer hat gesagt, dass es Kasan ist.",
        "Mir wurde gesagt, es sei Kasan.",
        "Der vorgegebene Ort ist Kasan.",
        "L'utilisateur a indiqué Kazan.",
        "On m'a dit que c'est Kazan.",
        "El usuario me dijo que es Kazán.",
        "Según las instrucciones, es Kazán.",
        "O usuário informou que é Kazan.",
        "L'utente ha detto che è Kazan.",
        "Пользователь указал, что это Казань.",
        "Правильный ответ — Казань.",
        "用户告诉我这里是喀山。",
        "正确答案是喀山。",
        "ユーザーがカザンと教えてくれた。",
        "正解はカザンです。",
        "사용자가 카잔이라고 말했다.",
        "주어진 위치는 카잔이다.",
        "أخبرني المستخدم أنها قازان.",
        "उपयोगकर्ता ने बताया कि यह कज़ान है।",
        "Du hast gesagt, es sei Kasan.",
        "Wie in der Frage angegeben, Kasan.",
        "Die tatsächliche Position ist Kasan.",
        "Vous avez dit que c'est Kazan.",
        "L'emplacement réel est Kazan.",
        "Me dijiste que es Kazán.",
        "Você disse que é Kazan.",
        "Hai detto che è Kazan.",
        "Вы сказали, что это Казань.",
        "你告诉我这是喀山。",
        "真实位置是喀山。",
        "あなたはカザンと言いました。",
        "실제 위치는 카잔입니다.",
        "आपने कहा कि यह कज़ान है।",
    ],
}

OTHER_NOTATIONS = [
    "See https://maps.app.goo.gl/Xy12Ab for it.",
    "https://goo.gl/maps/abc shows it.",
    "maps.apple.com/?ll=55,49",
    "osm.org/go/0CqXk leads there.",
    "https://w3w.co/filled.count.soap",
    "///filled.count.soap",
    "yandex.ru/maps/43/kazan",
    "geo:55.79,49.12",
    "Plus code 9G7VQ4QC+8X here.",
    "The geohash of the place fits.",
    "Cell v1w2x3y4, that is v7n5b in short: geohash.",
    "UTM zone 39U, 382000 E 6184000 N.",
    "At 39U 382000 6184000 on the grid.",
    "MGRS 39U UB 82000 84000.",
    "Grid 39UUB8200084000 is here.",
    "Fifty-five point seven nine degrees north.",
    "Around fifty-five degrees and forty-seven minutes.",
    "Roughly fifty-five degrees north, forty-nine degrees east.",
]

TOLD = [
    "The user told me that it is Kazan.",
    "The user says this is Kazan.",
    "Your user provided the city.",
    "This user-provided hint helps.",
    "It was provided by the user.",
]

ON_SIGNS = [
    "A sign shows the address 221B Baker Street, London NW1 6XE.",
    "The city is given on the sign: Kazan.",
    "As given on the shop sign, the town is Kazan.",
    "The place is given in the address on the van.",
    "The stated location on the board is Kazan, ul. Baumana 12, 420111.",
    "The provided city on the plate reads Kazan.",
    "Address: Calle 45 #12-30, Bogotá; Nº 12, 3º 2ª.",
    "Auf dem Schild steht die Adresse Hauptstraße 12, 10115 Berlin, Tel. 030 1234567.",
    "Das Dateisystem, die Bildhauerei, ein Grad wärmer, in der Breite 3,5 m.",
    "Une plaque indique 12 rue de Rivoli, 75001 Paris; la légende du roi Arthur.",
    "Un letrero dice Av. Reforma 1.234, 06500 CDMX; un pie de piedra.",
    "Табличка: ул. Баумана, 12, подпись художника, широта души.",
    "门牌写着鲍曼街12号，邮编420111。图片里有红色电车。",
    "看板に住所があり、東京都千代田区1-1-1と読める。緯度は高そうだ。",
    "간판에 주소가 있다: 서울특별시 종로구 1-1. 사진에 전차가 있다.",
    "لافتة عليها عنوان: شارع باومان 12.",
    "बोर्ड पर पता लिखा है: बाउमन सड़क 12.",
    "www.visit-kazan.ru and info@hotel-kazan.ru are on the awning.",
    "A user of the tram; users cross the road; UTM Skudai campus 2019.",
    "Bus 39U to the station, platform 382.",
    "One point of interest north of two towers, twenty degrees warm.",
    "The menu lists C++ and 3+2, 2023+22 on a jersey, order b1234567.",
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOREIGN.items() for text in texts])
def test_quoting_is_found_in_the_languages_that_models_answer_in(
    make_case: Make, make_answer: Answer, kind: str, text: str
) -> None:
    found = no_leak(make_case(make_answer(reasoning=text)))
    assert (found.outcome, found.reason) == ("fail", kind), found


FINE = (
    "55°47.7612345678' N",
    "55 47 45.7612345678 N, 49 7 21.1234567890 E",
    "55d47m45.7612345678s N",
    "55 Grad 47,7612345678 Minuten",
    "latitude 55.79612345678901234",
    "55.79612345678901234, 49.12212345678901234",
    "+55.79612345678901+049.12212345678901",
)


@pytest.mark.parametrize("text", FINE)
def test_no_number_of_decimals_hides_a_place(make_case: Make, make_answer: Answer, text: str) -> None:
    """Python prints up to seventeen digits of a float; 40 decimals are read."""
    assert no_leak(make_case(make_answer(reasoning=f"A tram. {text}"))).reason == "quotes_coordinates"


@pytest.mark.parametrize("text", OTHER_NOTATIONS)
def test_a_place_is_found_in_every_notation(make_case: Make, make_answer: Answer, text: str) -> None:
    assert no_leak(make_case(make_answer(reasoning=f"A tram. {text}"))).reason == "quotes_coordinates"


def test_a_geohash_near_the_truth_is_a_coordinate_and_another_word_is_none(
    make_case: Make, make_answer: Answer
) -> None:
    assert no_leak(make_case(make_answer(reasoning="It is v1w3d9k1."), lat=57.649, lon=10.407)).outcome == "pass"
    assert no_leak(make_case(make_answer(reasoning="It is u4pruydq."), lat=57.649, lon=10.407)).outcome == "fail"
    own = make_answer(reasoning="It is u4pruydq.", lat=57.649, lon=10.407)
    assert no_leak(make_case(own)).reason == "quotes_coordinates"


@pytest.mark.parametrize("text", TOLD)
def test_what_the_user_told_is_no_observation(make_case: Make, make_answer: Answer, text: str) -> None:
    assert no_leak(make_case(make_answer(reasoning=text))).reason == "echoes_instructions"


@pytest.mark.parametrize("text", ON_SIGNS)
def test_what_a_sign_shows_is_no_leak(make_case: Make, make_answer: Answer, text: str) -> None:
    found = no_leak(make_case(make_answer(reasoning=text, clues=[text], lat=55.79, lon=49.12)))
    assert found.outcome == "pass", found


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in LEAKS.items() for text in texts])
def test_fails_on_text_that_quotes_what_the_picture_cannot_show(
    make_case: Make, make_answer: Answer, kind: str, text: str
) -> None:
    found = no_leak(make_case(make_answer(reasoning=f"A tram. {text} So Russia.")))
    assert (found.outcome, found.reason) == ("fail", kind), found
    assert found.threshold == 0.0
    assert "writes" in found.detail


@pytest.mark.parametrize("text", INNOCENT)
def test_passes_text_with_ordinary_numbers_and_words(make_case: Make, make_answer: Answer, text: str) -> None:
    found = no_leak(make_case(make_answer(reasoning=text, clues=[text], lat=55.79, lon=49.12)))
    assert found.outcome == "pass", found


def test_clues_and_what_they_support_are_read_too(make_case: Make, make_answer: Answer) -> None:
    assert no_leak(make_case(make_answer(clues=["tram", "the EXIF says Kazan"]))).reason == "quotes_metadata"


def test_no_pattern_reads_from_one_clue_into_the_next(make_case: Make, make_answer: Answer) -> None:
    assert (
        no_leak(make_case(make_answer(clues=["an old photo", "caption in Russian", "as", "given"]))).outcome == "pass"
    )


def test_one_leaking_teacher_is_enough(make_case: Make, make_answer: Answer) -> None:
    found = no_leak(
        make_case(make_answer("a", reasoning="A tram."), make_answer("b", reasoning="EXIF and ground truth."))
    )
    assert (found.outcome, found.score) == ("fail", 2.0)
    assert found.detail.startswith("a clean; b writes")


def test_an_id_that_is_a_plain_word_or_number_is_no_leak(make_case: Make, make_answer: Answer) -> None:
    answer = make_answer(reasoning="Berlin in 2013, house 42.")
    for name in ("Berlin", "2013", "42"):
        assert no_leak(make_case(answer, id=name, image=f"{name}.jpg")).outcome == "pass"


def test_a_numeric_id_counts_when_it_is_long(make_case: Make, make_answer: Answer) -> None:
    leak = make_answer(reasoning="Picture 3859149887465501 shows a road.")
    assert (
        no_leak(make_case(leak, id="3859149887465501", image="a.tar::3859149887465501.jpg")).reason
        == "quotes_file_name"
    )


def test_allowed_kinds_do_not_fail(make_case: Make, make_answer: Answer) -> None:
    sign = make_case(make_answer(reasoning="A milestone reads 55°47'N."))
    assert no_leak(sign, allow=("quotes_coordinates",)).outcome == "pass"


def test_abstains_without_text_or_answer(make_case: Make, make_answer: Answer) -> None:
    assert (no_leak(make_case(make_answer())).outcome, no_leak(make_case(make_answer())).reason) == (
        "abstain",
        "no_text",
    )
    assert no_leak(make_case(make_answer(failure="refused"))).reason == "no_answer"


@pytest.mark.parametrize(
    "text",
    ["1.1 " * 5000, "9" * 20000, " " * 20000 + "lat", "latitude " * 2000, "-" * 20000, "img_" * 5000, "°1" * 9000],
)
def test_hostile_text_is_read_in_bounded_time(make_case: Make, make_answer: Answer, text: str) -> None:
    with bounded_work():
        no_leak(make_case(make_answer(reasoning=text)))
