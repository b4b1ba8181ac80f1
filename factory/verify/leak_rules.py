"""What a text may not say: patterns for quoted coordinates, file names, metadata and instructions.

Every repetition is bounded, because teacher text is foreign input; a rule runs only where its trigger occurs. English
stands here; other languages in `factory.verify.leak_words`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal, NamedTuple

Leak = Literal["quotes_coordinates", "quotes_file_name", "quotes_metadata", "echoes_instructions"]


class Rule(NamedTuple):
    """One pattern of a leak."""

    leak: Leak
    trigger: re.Pattern[str]
    """Found in at least one space-separated chunk of every text that the pattern matches."""
    pattern: re.Pattern[str]


def rule(leak: Leak, trigger: str, *alternatives: str) -> Rule:
    """A rule that fires on any of some patterns. They are put into the form that texts are compared in (NFKC)."""
    whole = unicodedata.normalize("NFKC", "|".join(f"(?:{part})" for part in alternatives))
    return Rule(leak, re.compile(unicodedata.normalize("NFKC", trigger)), re.compile(whole))


_GIVEN = r"(?:given|provided|supplied|embedded|attached|stated)"
_PICTURE = r"(?:image|photo|photograph|picture|file|original|source)"
BOUNDARY: Final = "~"
"""Stands between reasoning and clues, so that no pattern reads across."""
_MARK = r"(?:°|deg(?:ree)?s?\b)"
FRACTION = r"[0-9]{1,3}[.,][0-9]{1,40}"
_ON_A_SIGN = (
    r" (?:on|in|by|at|from) (?:the|a|an|one|this|that|its) (?:[\w-]{1,20} ){0,3}(?:sign|signs|signboard|signpost|"
    r"plate|plaque|"
    r"board|billboard|banner|poster|placard|shop|storefront|window|label|ticket|receipt|menu|van|truck|bus|wall|"
    r"fa[cç]ade|"
    r"building|door|awning|notice|sticker|lettering|address|letterbox|mailbox|advertisement)\b"
)
"""What is given on a sign is seen, not told."""
_COUNT = (
    r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|"
    r"nine)teen|"
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred)"
)
_COUNTED = rf"{_COUNT}(?:[ -](?:and )?{_COUNT}){{0,6}}"

# Searched in lower-cased text with single spaces.
ENGLISH: Final = (
    rule(
        "quotes_coordinates",
        r"itude|oordinate",
        rf"\b(?:latitude|longitude)\b[^0-9~]{{0,20}}[-+−]?{FRACTION}",
        rf"{FRACTION}\s{{0,2}}(?:{_MARK})?\s{{0,2}}(?:[ns]\b|north|south|east|west)?\s{{0,2}}(?:latitude|"
        rf"longitude)\b",
        r"\blatitude\b[^0-9~]{0,12}[0-9]{1,3}\b.{0,30}\blongitude\b[^0-9~]{0,12}[0-9]{1,3}\b",
        r"\bcoordinates?\s{0,2}(?:are|is|of|:|=)?\s{0,2}[(\[]?[-+−]?[0-9]{1,3}[.,°]",
        rf"\b(?:{_GIVEN}|gps|exact|true|actual|image|photo)(?:'s)? coordinates?\b",
        rf"\bcoordinates? (?:{_GIVEN}|say|show|indicate|confirm|point|place|suggest|match|correspond)",
    ),
    rule(
        "quotes_coordinates",
        r"\b(?:lat|lng|lon)\b|\blong[:=]",
        rf"\b(?:lat|lng|lon)\b[\"']?\.?\s{{0,2}}[:=]?\s{{0,2}}[-+−]?{FRACTION}",
        r"\b(?:lat|lng|lon|long)[\"']?[:=]\s{0,2}[-+−]?[0-9]{1,3}\b",
        r"\blat\b\W{1,3}[-+−]?[0-9]{1,3}\b.{0,12}\b(?:lon|lng|long)\b\W{1,3}[-+−]?[0-9]{1,3}\b",
    ),
    rule(
        "quotes_coordinates",
        r"°|\b[0-9]*deg",
        rf"[0-9]{{1,3}}\s{{0,2}}{_MARK}\s{{0,2}}[0-9]{{1,2}}(?:[.,][0-9]{{1,40}})?\s{{0,2}}(?:['′’]|min\b|minutes\b)",
        rf"{FRACTION}\s{{0,2}}{_MARK}\s{{0,2}}(?:[nsew]\b|north|south|east|west)",
        rf"[0-9]{{1,2}}\s{{0,2}}{_MARK}\s{{0,2}}[ns]\b\W{{1,4}}[0-9]{{1,3}}\s{{0,2}}{_MARK}\s{{0,2}}[ew]\b",
    ),
    rule(
        "quotes_coordinates",
        r"\+",
        r"(?<![a-z0-9+])(?=[2-9]{0,11}\+?[2-9]{0,3}[cfghjmpqrvwx])[2-9cfghjmpqrvwx]{4,8}\+[2-9cfghjmpqrvwx]{2,3}"
        r"(?![a-z0-9+])",
        r"(?<![a-z0-9+])[2-9cfghjmpqrvwx]{4,6}0{2,4}\+(?![a-z0-9+])",
    ),
    rule(
        "quotes_coordinates",
        r"maps|mapy\.|2gis\.|goo\.gl|osm\.|openstreetmap|plus\.codes|w3w|what3words|///|\bgeo:|amap\.|waze\.|"
        r"here\.com|"
        r"map\.(?:baidu|naver|kakao)",
        r"\b(?:maps\.(?:google|apple|app\.goo|yandex|me\b)|google\.[a-z.]{2,6}/maps|goo\.gl/maps|g\.co/maps|"
        r"bing\.com/maps|mapy\.(?:cz|com)|2gis\.[a-z]{2,3}/|"
        r"yandex\.[a-z.]{2,6}/maps|openstreetmap\.org|osm\.(?:org|li)|plus\.codes|w3w\.co|what3words|uri\.amap|"
        r"amap\.com|"
        r"waze\.com|(?:wego|share)\.here\.com|map\.(?:baidu|naver|kakao)\.com|geo:[-+]?[0-9])",
        r"(?<![\w:/])///[a-z]{2,20}\.[a-z]{2,20}\.[a-z]{2,20}",
    ),
    rule(
        "quotes_file_name",
        r"\.(?:jpe?g|png|hei[cf]|webp|tiff?|gif|bmp|dng|cr2|nef|arw)\b",
        r"[\w-]{1,80}\.(?:jpe?g|png|hei[cf]|webp|tiff?|gif|bmp|dng|cr2|nef|arw)\b",
    ),
    rule(
        "quotes_file_name",
        r"(?:img|pxl|dji|mvi|pano)[_-]|(?:dsc|gopr)[nf]?[_-]?[0-9]",
        r"(?<![a-z0-9])(?:(?:img|pxl|dji|mvi|pano)[_-][0-9]{4,20}|(?:dsc[nf]?|gopr)[_-]?[0-9]{4,20})",
    ),
    rule(
        "quotes_file_name",
        r"\bfile|\bfolder\b",
        r"\bfile[ -]?(?:name|path)s?\b|\bname of the file\b|\bfile (?:called|named|titled)\b|\bfolder name\b",
    ),
    rule(
        "quotes_file_name",
        r"\b(?:id|name|title)\b",
        r"(?:image|photo)(?:'s)? (?:id|name|title)\b|sample id\b",
    ),
    rule(
        "quotes_metadata",
        r"exif|meta-?data|\bmeta\b|\bgeo-?(?:tag|loc)|\bgeo$|xmp|iptc",
        # No \b beside exif: a Chinese sign is a letter, too.
        r"(?<![a-z])exif(?![a-z])|\b(?:xmp|iptc)\b|\bmeta[- ]?data\b|\bgeo[- ]?tag(?:s|ged|ging)?\b|"
        r"\bgeo-?location (?:tag|data)\b",
    ),
    rule(
        "quotes_metadata",
        r"\bgps\b",
        r"\bgps[- ](?:tags?|data|metadata|position|location|info\w{0,8}|stamp|fix|log|reading)\b",
        r"\b(?:according to|based on|per|from|given|provided|embedded) (?:the |its |this )?gps\b(?! (?:device|"
        r"app|unit|screen|"
        r"navi|receiver|tracker))",
        r"\bgps (?:says?|places?|points?|puts?|indicates?|confirms?|gives?|shows? (?:that|this|it)) ",
    ),
    rule(
        "quotes_metadata",
        r"\bembedded|\blocation$|\btitle[d]?\b|\bdescri|\burl\b|\blink\b",
        r"\bembedded (?:location|position|place|info)|\blocation (?:services|tags?|stamp)\b",
        rf"\b(?:title|description|url|link) (?:of|for|to) (?:the|this) {_PICTURE}\b",
        rf"\b{_PICTURE}(?:'s)? (?:description|url|link)\b|\b(?:image|photo|photograph|picture) is titled\b",
        rf"\bthe url (?:says?|mentions?|contains?|indicates?|names?)\b|\bdescription {_GIVEN}\b(?!{_ON_A_SIGN})",
    ),
    rule(
        "quotes_metadata",
        r"\bcaption|\balt\b|\bhashtag",
        rf"\b(?:{_PICTURE}|{_GIVEN}|accompanying|its)(?:'s)? caption\b",
        rf"\bcaption (?:of|for|to) (?:the|this) {_PICTURE}\b|\baccording to the caption\b",
        r"\bthe caption (?:says|states|mentions|tells|indicates|identifies|gives|confirms)\b",
        r"\balt text\b|\bhashtags?\b",
    ),
    rule(
        "echoes_instructions",
        r"\b(?:user|truth|given|instruct|prompt|ai\b|answer|label|told|informed|asked|gave|provided|said\b|"
        r"mentioned|stated|"
        r"specified|indicated)",
        rf"\bground[- ]truth\b|\bas (?:given|instructed)\b(?!{_ON_A_SIGN})|\bas an ai\b",
        r"\b(?:the|your) users? (?:has |had |have |already |also |just )?(?:told|tells?|said|says?|gave|gives?|"
        r"provide[sd]?|"
        r"mention(?:s|ed)?|state[sd]?|indicate[sd]?|confirm(?:s|ed)?|inform(?:s|ed)?|specif(?:ies|ied)|suppl(?:ies|"
        r"ied)|"
        r"asks?|asked|wants?|hint(?:s|ed)?)\b|\buser[- ]provided\b|\b(?:told|given|provided) by the user\b",
        r"\b(?:the|your|this) prompt\b|\b(?:your|(?:according to|per|following) the) instructions?\b",
        r"\b(?:correct|true|expected|reference|given|provided) (?:answer|label)\b",
        r"\bi (?:was|am|have been) (?:told|given|informed|asked|instructed)\b",
        r"\byou (?:asked|told|gave|provided|said|mentioned|stated|specified|indicated) ",
    ),
    rule(
        "echoes_instructions",
        r"\b(?:question|task|query|request|hint|context|system|dataset|annotation)",
        r"\b(?:stated|mentioned|given|said|indicated|specified|noted|named) in (?:the|your) (?:question|task|"
        r"query|request|"
        r"context)\b",
        r"\b(?:the|your|this) (?:question|task|query|request|hint|context|dataset|annotation)s? (?:says?|"
        r"states?|mentions?|"
        r"tells?|indicates?|specif(?:y|ies)|confirms?|names?|given|provided|points?)\b",
        r"\bsystem (?:prompt|message)\b|\bdataset(?:'s)? (?:label|annotation|entry|record)s?\b",
    ),
    rule(
        "echoes_instructions",
        r"\b(?:true|actual|real|known|correct|target)\b",
        r"\b(?:true|actual|real|known|correct|target) location (?:is|was|of (?:the|this) (?:image|photo|"
        r"photograph|picture))\b"
        r"(?! (?:un|not\b|in(?:determ|def)|hard|difficult|likely|prob|poss|most|perhaps|somewhere|uncertain))",
    ),
    rule(
        "echoes_instructions",
        rf"\b{_GIVEN}\b",
        rf"\b(?:the|this|as|with) {_GIVEN} (?:location|place|city|country)\b(?!{_ON_A_SIGN})",
        r"\b(?:location|place|city|country) (?:is|was) (?:given|provided|supplied)"
        rf"(?!{_ON_A_SIGN}) (?:in|as|by|to|with)\b",
    ),
    rule(
        "quotes_coordinates",
        r"degree|point$|north|south|latitude|longitude",
        rf"\b{_COUNTED} point {_COUNTED}(?: degrees?)? ?(?:north|south|east|west|latitude|longitude)",
        rf"\b{_COUNTED} degrees?,? (?:and )?{_COUNTED} minutes?\b",
        rf"\b{_COUNTED}(?: degrees?)? (?:north|south)\b.{{1,12}}\b{_COUNTED}(?: degrees?)? (?:east|west)\b",
    ),
    rule(
        "quotes_coordinates",
        r"[0-9](?:°|deg)|^[0-9]{1,3}[.,][0-9]|^degrees?",
        rf"(?:{FRACTION}|[0-9]{{1,2}} ?{_MARK}) ?(?:north|south)\b.{{1,8}}(?:{FRACTION}|"
        rf"[0-9]{{1,3}} ?{_MARK}) ?(?:east|"
        r"west)\b",
    ),
    rule(
        "quotes_coordinates",
        r"[nsew][0-9]|[0-9][nsew]\b|^\W{0,2}[nsew]\W{0,2}$|[0-9]d(?:[0-9]|$)|[-+][0-9]{2}\.[0-9]",
        rf"(?<![a-z0-9])[ns] ?{FRACTION}\W{{1,4}}[ew] ?{FRACTION}",
        r"(?<![0-9])[0-9]{1,2}[ -][0-9]{1,2}(?:[ -][0-9]{1,2}(?:[.,][0-9]{1,40})?)? ?[ns]\b"
        r"\W{0,3}[0-9]{1,3}[ -][0-9]{1,2}"
        r"(?:[ -][0-9]{1,2}(?:[.,][0-9]{1,40})?)? ?[ew]\b",
        r"(?<![0-9])[0-9]{1,3}d ?[0-9]{1,2}(?:[.,][0-9]{1,40})?m ?(?:[0-9]{1,2}(?:[.,][0-9]{1,40})?s ?)?[nsew]\b",
        r"(?<![0-9])[-+][0-9]{2}\.[0-9]{2,40}[-+][0-9]{3}\.[0-9]{2,40}(?![0-9])",
    ),
    rule(
        "quotes_coordinates",
        r"maidenhead|utm|mgrs|geohash|easting|northing|^\W{0,3}[0-9]{1,2}[c-hj-np-x](?:[a-hj-np-z]{2}|\W{0,3}$)",
        r"\bmaidenhead (?:locator|grid)|\butm\b.{0,30}[0-9]{5}|\butm[- ](?:zone|grid|coord|ref)|\bmgrs\b|"
        r"\bgeohash|\b(?:easting|"
        r"northing)\b.{0,10}[0-9]{5}",
        r"\b[0-9]{1,2}[c-hj-np-x] ?[1-9][0-9]{5}(?:[.,][0-9]{1,3})?(?: ?m?e)?,? [0-9]{6,8}\b",
        r"\b[0-9]{1,2}[c-hj-np-x] ?[a-hj-np-z]{2} ?(?:[0-9]{4} ?[0-9]{4}|[0-9]{5} ?[0-9]{5})\b",
    ),
)
