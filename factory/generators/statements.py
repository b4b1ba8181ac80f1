"""What a teacher says of its own answer: that it does not know, that it could tell, how sure it is.

Twelve languages and what a few more say for "unknown" are read, since models answer in the language of a sign, a prompt
or their training. A statement is understood whole or not at all: one word that is not understood ("0.9 if the sign is
real", "not high") leaves it unread, and what is unread never counts in a row's favour (`GeoAnswer.unreadable`).
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any, Final

MAX_STATEMENT: Final = 200
"""Characters: a statement is a word or a line. What is longer is not read."""

_AROUND = " \t\n.,;:!?-_~*/|()[]{}<>\"'`…–—“”„«»。、，？！；：（）【】「」『』"

_NOT_KNOWN: Final = re.compile(
    "|".join(
        (
            # "NA" is not among them: it is Namibia's code.
            r"n ?/ ?a(?:\W.*)?|n\.a|none(?: (?:visible|specified|identif|given|stated|found|provided|known).*)?|null|"
            r"nil|idk|tbd|to be determined|various|multiple|undefined|unnamed|inconclusive",
            r"(?:unknown|unclear|undetermined|unspecified|unidentified|unidentifiable|unrecogni[sz]able|unavailable|"
            r"unsure|"
            r"uncertain|indetermina(?:te|ble)|undisclosed|insufficient)"
            r"(?:[^\w\s].*| [^\w\s].*| (?:\w+ ){0,2}(?:city|town|village|settlement|municipality|location|place|"
            r"country|nation|region|state|province|area|due|because|from|based|in|without|as|at|to|or|and|data|"
            r"info(?:rmation)?)\b.*)?|ambiguous|undeterminable|withheld|redacted|missing|false|"
            r"n\.\s?d|s\.\s?o|s/d|not an? .*|no way to .*|(?:we|you|one) can(?:not|['’]?t) .*|(?:i am|"
            r"i['’]?m) not .*|"
            r"(?:possibly|probably|likely|still) unknown|"
            r"(?:an? |the )?(?:generic|unnamed|unidentified|unspecified|(?:small|large|rural|remote) (?=city|"
            r"town|village|area))"
            r" ?(?:\w+ ){0,2}(?:city|town|village|settlement|area|place|location)|(?:rural|urban|"
            r"suburban) area",
            r"(?:somewhere|lack of|too (?:generic|vague))\b.*",
            r"(?:it is |is )?not (?:clearly |explicitly |directly |specifically |yet |really |entirely |reliably )?"
            r"(?:available|applicable|specifi|visible|stated|given|mention|provided|determin|known|identif|clear\b|"
            r"certain|"
            r"sure\b|shown|indicat|discern|recogni[sz]|possible|apparent|found|present\b|enough|sufficient|legible|"
            r"locali[sz]|listed|named|disclosed|definitiv|able to).*",
            r"(?:it )?(?:can(?:not| not|['’]?t)|could(?: not|n['’]?t)) .*|(?:unable|impossible|hard|difficult) to .*",
            r"(?:i )?(?:do not|don['’]?t|did not) know.*",
            r"no (?:specific|clear|identifiable|visible|exact|particular|definitive|city|town|location|place|country|"
            r"region|state|province|information|info|data|idea|evidence|clues?|answer)\b.*",
            r"(?:unbekannt|unklar|unbestimm|ungewiss|unsicher|keine? (?:angabe|information|stadt|ort\b|land\b|daten|"
            r"hinweis)|"
            r"nicht (?:angegeben|sichtbar|bekannt|bestimm|erkenn|identifi|verfügbar|feststell|zutreffend|spezifi|"
            r"genannt|"
            r"eindeutig|ersichtlich|lokalisier|möglich|klar|zu ))(?:.*)|keine?|k\.\s?a|(?:lässt sich|kann) nicht .*",
            r"(?:inconnu|indétermin|incertain|non (?:spécifi|visible|identifi|détermin|disponible|applicable|précis|"
            r"renseign|connu|indiqu|mentionn|fourni|localis)|pas (?:spécifi|visible|identifi|détermin|clair|possible|"
            r"disponible|connu|indiqu|d['’]in)|impossible [àad]|ne (?:peut|sait)|(?:on|je) ne )(?:.*)|"
            r"aucune?(?: .*)?",
            r"(?:desconocid|indeterminad|inciert|sin (?:especificar|determinar|identificar|informaci|datos)|"
            r"imposible|"
            r"no (?:se |es )?(?:especific|visible|identific|determin|disponible|aplica|consta|sabe|conoc|indica|"
            r"menciona|proporcion|puede|posible|clar[oa]\b|hay ))(?:.*)|ningun[oa]?(?: .*)?",
            r"(?:desconhecid|incert|sem (?:informa|especifica|identifica|dados)|impossível|n[ãa]o (?:é |se |foi )?"
            r"(?:especific|vis[ií]ve|identific|determin|dispon|aplic|inform|conhec|poss[ií]|sei|indica|menciona|"
            r"clar[oa]\b|"
            r"pode|há ))(?:.*)|nenhuma?(?: .*)?",
            r"(?:sconosciut|indeterminat|ignot[oa]|imprecisat|impossibile|non (?:è |si )?(?:specific|visibil|"
            r"identific|"
            r"determin|disponibil|applicabil|not[oa]\b|indica|fornit|possibil|può|chiar|precisa))(?:.*)|"
            r"nessun[oa]?(?: .*)?",
            r"(?:неизвест|невозможно|неопредел|неясн|отсутству|не (?:указан|определ|извест|вид|установ|ясн|примен|"
            r"удалось|могу|найден)|нет (?:данн|информ))(?:.*)|нет|н/д",
            r"(?:未知|不明|不详|不詳|不确定|不確定|不清楚|不知道|不适用|不適用|不可[见見知辨]|无法|無法|难以|難以|"
            r"看不|暂无|待定|"
            r"未(?:指定|标明|注明|说明|提供|显示|提及|定|确|特定|記載|確)|(?:没有|沒有|无|無)(?:法|信息|資訊|提供|"
            r"明确|可|足))(?:.*)|(?:信息|資訊)不足|无|無",
            r"(?:不特定|(?:特定|判別|判断|識別|確認)(?:で|が|は|する|不)|[わ分]から|わかりま|情報(?:なし|不足)|"
            r"該当なし)(?:.*)|なし",
            r"(?:알 ?수 ?없|불명|불확실|미상|미확인|미지정|(?:확인|특정|식별|판단|판별|결정) ?(?:불가|할 ?수 ?없|"
            r"되지 ?않)|"
            r"정보 ?없|해당 ?없|명시되지|보이지 ?않)(?:.*)|없음|모름",
            r"(?:غير (?:معروف|محدد|واضح|متاح|مرئي|متوفر|مذكور|مؤكد|قابل|معلوم)|مجهول|تعذر|لا (?:يمكن|يوجد|توجد|أعرف|"
            r"ينطبق|شيء))"
            r"(?:.*)",
            r"(?:अज्ञात|अनिश्चित|अस्पष्ट|(?:निर्दिष्ट|ज्ञात|पता|उपलब्ध|स्पष्ट|निर्धारित|कोई|लागू) नहीं|"
            r"दिखाई नहीं)(?:.*)",
            r"(?:onbekend|onduidelijk|niet (?:bekend|zichtbaar|gespecificeerd|te bepalen|vermeld)|bilinmiyor|"
            r"bilinmeyen|"
            r"belirtilmemiş|belirsiz|okänd\w?|ukjent|ukendt|tuntematon|άγνωστ\w{1,3}|לא ידוע\w?|نامشخص|"
            r"ไม่(?:ทราบ|ระบุ|แน่ชัด).*|невідом\w{1,3}|не(?:по|)знат[оаи]?|necunoscut\w?|ismeretlen|nepoznat\w?|"
            r"অজানা|neznám\w{1,3}|ohne angabe|sans objet|se desconoce|indefinid[oa]|nieznan|nieokreślon|"
            r"nie (?:określ|podan|widoczn|można|wiadomo)|tidak (?:diketahui|"
            r"disebutkan|terlihat|dapat)|không (?:xác định|rõ|biết|thể))(?:.*)",
        )
    ),
    re.DOTALL,
)
"""Ways to say "I cannot tell" where a name should stand. Of the gazetteer's 234,908 names of cities five are taken for
one: None in Piedmont, which models write for nothing far more often, and four farms called Ninguno."""

_SUBJECT: Final = re.compile(
    r"(?:(?:the|this|exact|specific|precise|particular|la|le|el|il|die|der) )*(?:city|town|village|settlement|"
    r"municipality|"
    r"place|location|country|nation|region|state|province|area|stadt|ort|land|region|ville|lieu|pays|région|"
    r"ciudad|lugar|"
    r"país|región|cidade|região|città|luogo|paese|regione|город|место|страна|регион)(?: (?:name|is|was|ist|est|"
    r"es|è|é))*"
    r"\s?[:=-]?\s?|(?:具体|具體|确切|確切|所在)?的?(?:城市|城镇|地点|地點|位置|国家|國家|地区|地區|省份|都市|場所|国)"
    r"(?:名称|名)?(?:は|が|：|:)?\s?",
)
"""What "unknown" may be said of, before it: "City not visible", "具体城市不明"."""

_LEVELS: Final = {
    word: share
    for share, listed in (
        (0.0, "none zero"),
        (0.1, "uncertain unsure lowest minimal guess 极低 極低 很低 非常低"),
        (
            0.25,
            "low weak poor little limited niedrig gering baja bajo baixa baixo bassa basso faible basse bas laag düşük "
            "низкая низкий низкое низко 低 较低 較低 低い 낮음 낮은 منخفضة منخفض निम्न कम",
        ),
        (
            0.5,
            "medium moderate mid middle fair average mittel mittlere moyen moyenne media medio média médio moderada "
            "moderado moderata moderato modérée modéré gemiddeld orta средняя средний среднее средне 中 中等 一般 "
            "中程度 普通 "
            "보통 중간 متوسطة متوسط मध्यम",
        ),
        (
            0.85,
            "high strong confident sure certain hoch alta alto élevé élevée elevada elevado elevata elevato haute hoog "
            "yüksek высокая высокий высокое 高 较高 較高 很高 高い 높음 높은 عالية عالي مرتفعة उच्च",
        ),
    )
    for word in listed.split()
}
"""Words for a level, and the share each is read as: ours, round numbers of which nothing but the order is meant."""
_VERY: Final = frozenset(("very", "extremely", "sehr", "très", "muy", "muito", "molto", "очень"))
_VERY_HIGH, _VERY_LOW = 0.95, 0.1
_HEDGES: Final = frozenset(
    """about around approx approximately ca circa roughly nearly almost over under above below up to between from and
    or of out at is my the a i i'm am level confidence score certainty probability likelihood fairly quite rather
    relatively somewhat pretty bis etwa ungefähr environ unos cerca около 约 大约 約 およそ 약""".split()  # noqa: SIM905
)
"""Words beside a number or a level that change neither."""
_NUMBER: Final = re.compile(
    r"(?<![\d.,a-z])(?P<number>\d{1,3}(?:[.,]\d{1,15})?)\s*"
    r"(?:(?P<percent>%|٪|percent\b|per cent\b|pct\b|prozent\b)|(?:/|out of|of|von|sur|de)\s*(?P<of>1|5|10|"
    r"100)(?![\d.,]))?"
    r"(?![.,]?\d)"
)
_RANGE: Final = re.compile(r"(?<=[\d%])\s*(?:-|–|—|~|\bto\b|至|到)\s*(?=\d)")
_NEGATIVE: Final = re.compile(r"(?:^|[\s(])-\d")
_BETWEEN_WORDS: Final = re.compile(r"[\s,;:()\[\]~≈<>=≥≤*\"“”/、-]+")

_YES: Final = frozenset(
    """true yes y t localizable localisable positive sure definitely absolutely ja oui sí si sì sim da да evet
    是 是的 可以 能 可 有 はい 예 네 가능 نعم हाँ हां जी""".split()  # noqa: SIM905
)
_NO: Final = frozenset(
    """false no n f not unlocalizable unlocalisable negative never hardly cannot nein nicht kaum non não nao нет не
    hayır nee nie لا كلا नहीं 否 不 不是 不能
    不可 不可以 无法 無法 いいえ 不可能 아니요 아니오 아니 불가 불가능""".split()  # noqa: SIM905
)
_STARTS_WITH_NO: Final = ("不", "否", "无法", "無法")
_TAKEN_BACK: Final = re.compile(
    r"\b(?:but|however|maybe|perhaps|possibly|partially|partly|only|unless|if|though|although|except|unsure|uncertain|aber|"
    r"nur|jedoch|vielleicht|wenn|mais|cependant|sauf|pero|quizás?|salvo|mas|porém|talvez|ma|però|forse|но|"
    r"однако|если|"
    r"возможно)\b|但|不过|不過|可是|如果|也许|しかし|ただし|ただ|かも|하지만|그러나|다만|لكن|ربما|लेकिन|शायद"
)
_WORD: Final = re.compile(r"[^\s,;:.!?()\[\]、\"'“”-]+")


def is_unknown(text: str) -> bool:
    """Whether a text stands where a name should and says that there is none: "Not visible", "无法确定", "-"."""
    bare = _plain(text.replace("_", " "))
    return not bare or any(map(_says_unknown, {bare, bare.replace("-", " ")}))


def _says_unknown(bare: str) -> bool:
    if _NOT_KNOWN.fullmatch(bare):
        return True
    subject = _SUBJECT.match(bare)
    return subject is not None and _NOT_KNOWN.fullmatch(bare, subject.end()) is not None


def is_absent(value: Any) -> bool:
    """Whether nothing was stated: no value, or an empty one."""
    return value is None or (isinstance(value, str | list | tuple | dict) and not (str(value).strip() and value))


def yes_no(value: Any) -> bool | None:
    """A boolean; what the first word of a text says ("No, too generic", "是"); or a score, of which a half is a yes.

    None for what says neither or both: "perhaps", "yes, but only the country".
    """
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return _is_half(confidence(value))
    if len(value) > MAX_STATEMENT:
        return None
    bare = _plain(value)
    said = _WORD.findall(bare)
    if not said:
        return None
    if said[0] in _NO or bare.startswith(_STARTS_WITH_NO):
        return False
    if said[0] in _YES:
        return None if _TAKEN_BACK.search(bare) or not _NO.isdisjoint(said) else True
    return _is_half(confidence(value))


def _is_half(share: float | None) -> bool | None:
    return None if share is None else share >= 0.5


def confidence(value: Any) -> float | None:
    """A probability from 0.85, 85, "85%", "~0,85", "8/10", "70-80 %", "high" or "low (0.1)"; of several, the least.

    A bare number above 1 is a percentage. None for what is absent or not understood word for word.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _share(as_float(value))
    if not isinstance(value, str) or len(value) > MAX_STATEMENT:
        return None
    text = unicodedata.normalize("NFKC", value).casefold().replace("\u2212", "-").replace("\u066b", ".")
    if _NEGATIVE.search(text):
        return None
    text = _RANGE.sub(" ; ", text)
    shares = [_share(float(m["number"].replace(",", ".")), m["percent"], m["of"]) for m in _NUMBER.finditer(text)]
    levels = _levels(_BETWEEN_WORDS.split(_NUMBER.sub(" ", text)))
    if levels is None:
        return None
    stated = (*shares, *levels)
    known = [share for share in stated if share is not None]
    return min(known) if known and len(known) == len(stated) else None


def _levels(said: list[str]) -> list[float] | None:
    """The levels among some words; None when a word is neither a level nor one that changes nothing."""
    found: list[float] = []
    before = ""
    for word in (piece.strip(".!") for piece in said):
        if word in _LEVELS:
            share = _LEVELS[word]
            if before in _VERY and share != 0.5:
                share = _VERY_HIGH if share > 0.5 else _VERY_LOW
            found.append(share)
        elif word and word not in _HEDGES and word not in _VERY:
            return None
        before = word
    return found


def _share(number: float, percent: str | None = None, of: str | None = None) -> float | None:
    """A share of 1; None for what lies outside of its scale."""
    whole = float(of) if of is not None else 100.0 if percent or number > 1 else 1.0
    share = number / whole if whole else math.inf
    return share if 0 <= share <= 1 else None


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text[:MAX_STATEMENT]).casefold().strip(_AROUND).split())


def as_float(value: float) -> float:
    """A JSON number as a float; integers too large for one are not finite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf
