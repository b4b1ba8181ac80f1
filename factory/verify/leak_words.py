"""The patterns of `factory.verify.leak_rules` in the other languages that models answer in.

German, French, Spanish, Portuguese, Italian, Russian, Chinese, Japanese, Korean, Arabic, Hindi, and the words of
metadata and file names in a few more. As in English, a rule looks for the act of quoting: a coordinate with its
fraction or minutes, a file name, metadata, an instruction; the bare word for latitude or caption is no leak.
"""

from __future__ import annotations

from typing import Final

from factory.verify.leak_rules import FRACTION, Rule, rule

_GRADE = r"(?:°|grad\b|degrés?\b|grados?\b|graus?\b|gradi\b|graden\b|градус[а-я]{0,3}|度|도\b|درجة|डिग्री)"
_MINUTE = r"(?:['′’]|minuten?\b|minutes?\b|minutos?\b|minuti\b|минут[а-я]{0,2}|分|분|दقيقة|دقيقة|मिनट)"

_LATITUDE = (
    r"(?:breitengrad|längengrad|(?:geogra[a-z]{3,8}|(?:nörd|süd|öst|west)lich[a-z]{0,2}) (?:breite|länge)\b|latitude|"
    r"longitude|latitud|longitud|latitudine|longitudine|"
    r"широт[а-я]{1,3}|долгот[а-я]{1,3}|纬度|緯度|经度|經度|経度|北纬|北緯|南纬|南緯|东经|東経|東經|西经|西経|위도|"
    r"경도|북위|남위|동경|서경|"
    r"خط العرض|خط الطول|अक्षांश|देशांतर)"
)
_COORDINATES = (
    r"(?:koordinaten|coordonnées|coordenadas|coordinate|координат[а-я]{0,3}|坐标|座標|座标|좌표|إحداثيات|निर्देशांक)"
)
_ACCORDING = (
    r"(?:laut|gemäß|zufolge|d['’]après|selon|según|segundo|conforme|secondo|согласно|судя по|根据|根據|按照|"
    r"依据|依據)"
)

FOREIGN: Final[tuple[Rule, ...]] = (
    rule(
        "quotes_coordinates",
        r"grad|breite|länge|latit|longit|широт|долгот|градус|[纬緯经經経度]|위도|경도|북위|남위|동경|서경|خط|درجة|"
        r"क्षांश|देशांतर|डिग्री",
        rf"{_LATITUDE}[^0-9~]{{0,20}}[-+−]?{FRACTION}",
        rf"{FRACTION} ?{_GRADE}? ?{_LATITUDE}",
        rf"{FRACTION} ?{_GRADE} ?(?:n(?:ord|örd|orth)|s(?:üd|ud|ur)|[oe]st|west|[oe]uest|[ns]\b|"
        r"с\.? ?ш|в\.? ?д|ю\.? ?ш|з\.? ?д)",
        rf"[0-9]{{1,3}} ?{_GRADE} ?(?:und |et |y |e |и )?[0-9]{{1,2}}(?:[.,][0-9]{{1,40}})? ?{_MINUTE}",
        r"[北南][纬緯][^0-9~]{0,4}[0-9]{1,2}(?:[.．][0-9]|[度°][0-9]{1,2})",
    ),
    rule(
        "quotes_coordinates",
        r"koordinat|coordonn|coordenad|coordinat|координат|[坐座][标標]|좌표|إحداثي|निर्देशांक",
        rf"{_COORDINATES}[^0-9~]{{0,20}}[-+−]?[0-9]{{1,3}}[.,°][0-9]",
        rf"{_ACCORDING} (?:den |der |les |las |le |as |os |данным )?(?:gps[- ]?)?{_COORDINATES}",
        rf"{_ACCORDING}(?:这些|所给的|给定的|提供的)?[坐座][标標]",
        r"(?:angegebene|vorgegebene|gegebene|mitgelieferte|exakte)[nrms]? (?:gps[- ]?)?koordinaten|gps-?koordinaten",
        r"coordonnées (?:gps|fournies|données|indiquées|exactes)|coordenadas (?:gps|del gps|do gps|proporcionadas|"
        r"dadas|fornecidas|"
        r"indicadas|exactas|exatas)|coordinate (?:gps|fornite|date\b|indicate|esatte)",
        r"(?:указанн|заданн|предоставленн|точн)[а-я]{2,4} координат|координат[а-я]{0,3} (?:gps|указыва|подтвержда)|"
        r"gps[- ]координат",
        r"(?:gps|提供的|给出的|給出的|给定的|给的|与えられた|提供された|gpsの) ?[坐座][标標]|[坐座][标標](?:显示|"
        r"指向|表明|によると|から)",
        r"(?:gps|주어진|제공된) ?좌표|좌표(?:에 따르면|가 가리키)|إحداثيات (?:gps|نظام|المعطاة|المقدمة)|(?:दिए गए|"
        r"gps) निर्देशांक",
    ),
    rule(
        "quotes_metadata",
        r"metada[td]|meta-daten|métadonn|metagegevens|метаданн|元[数數]据|元[数數]據|メタデータ|메타데이터|الوصفية|"
        r"मेटाडेटा|üstveri|metadane",
        r"meta-?daten\b|metadat(?:os|i)\b|metadados|métadonnées|metagegevens|метаданн|元[数數][据據]|メタデータ|"
        r"메타 ?데이터|"
        r"(?:ال)?بيانات (?:ال)?وصفية|मेटाडेटा|üstveri|metadane",
    ),
    rule(
        "quotes_metadata",
        r"gps|геотег|геометк|地理[标標]|ジオタグ|지오태그|位置情報|géolocal|geolocal|geoetiquet|standortdaten",
        r"gps-?(?:daten|position|info|angabe|tag|marke|stempel)|(?:données|datos|dati|dados|coordonnées|"
        r"информаци[а-я]{1,3}|данны[а-я]{1,2}) "
        r"(?:de |del |do |di |du |dei )?(?:la )?(?:gps|géolocalisation|geolocalización|geolocalização|"
        r"geolocalizzazione)",
        r"gps ?(?:数据|數據|信息|資訊|标签|标记|定位信息|データ|情報|タグ|데이터|정보|태그)|(?:بيانات|معلومات) gps|"
        r"gps डेटा",
        r"геотег|геометк|地理[标標][签籤记記]|ジオタグ|지오태그|(?:画像|写真|ファイル)の位置情報|géo-?(?:tag|"
        r"étiquet)|geoetiquet|standortdaten",
    ),
    rule(
        "quotes_metadata",
        r"bildunterschrift|bildbeschreibung|bildtitel|légende|leyenda|pie$|didascalia|legenda|подпис|"
        r"[图圖][片像说說]|キャプション|"
        r"写真の|画像の|캡션|사진|التعليق|कैप्शन",
        r"(?:laut|gemäß|die|der|mitgelieferte[nr]?) bild(?:unterschrift|beschreibung|titel)|"
        r"légende (?:de (?:la photo|l['’]image)|fournie|jointe)",
        r"(?:leyenda|pie) de (?:la )?(?:foto|imagen|fotografía)|didascalia (?:della foto|dell['’]immagine|fornita)|"
        r"legenda da (?:foto|imagem)",
        r"подпис[а-я]{1,3} (?:к |под )(?:фото|снимк|изображени|картинк)|[图圖]片(?:说明|說明|标题|標題|描述|注释)|"
        r"[图圖](?:说|說)明?(?:写|寫|显示|顯示|中)",
        r"(?:写真|画像)の(?:説明文|キャプション|タイトル)|(?:사진|이미지) ?(?:설명|캡션|제목)|التعليق (?:على|"
        r"أسفل) (?:الصورة|الصورة)|"
        r"(?:तस्वीर|चित्र|फ़ोटो|छवि) (?:का|के) (?:कैप्शन|शीर्षक)",
    ),
    rule(
        "quotes_file_name",
        r"dateiname|bildname|fichier|archivo|arquivo|ficheiro|^file$|файл|文件名|[檔档]名|[檔档]案|ファイル|파일|"
        r"الملف|फ़ाइल|फाइल|bestandsnaam|dosya",
        r"datei-?namen?\b|bildnamen?\b|nom (?:du|de) fichier|nombre (?:del|de) archivo|nome (?:do|de) (?:arquivo|"
        r"ficheiro)|nome (?:del |di )?file\b",
        r"им(?:я|ени|енем) файла|названи[а-я]{1,2} файла|文件名|[檔档]名|[檔档]案名|ファイル名|파일 ?(?:이름|명)|"
        r"اسم الملف|फ़?ा?इल (?:का |के )?नाम|"
        r"फ़ाइल (?:का |के )?नाम|bestandsnaam|dosya ad",
    ),
    rule(
        "echoes_instructions",
        r"nutzer|benutzer|vorgegeben|vorgabe|aufgabe|angegeben|gesagt|mitgeteilt|antwort|utilisateur|\bdit\b|"
        r"m['’]a\b|instruc|instruç|istruz|consigne|énoncé|fournie?|correcte|usuario|"
        r"dijeron|dicho|indicaron|enunciado|respuesta|proporcionad|usuário|utilizador|disseram|informaram|resposta|"
        r"fornecid|utente|detto|"
        r"risposta|fornit|prompt",
        r"(?:der|die|vom|laut|dem) (?:be)?nutzer(?:in)? (?:hat|sagt|gab|nennt|gibt|teilt|schreibt|angegeben|genannt)|"
        r"laut (?:be)?nutzer|vom (?:be)?nutzer (?:angegeben|genannt|mitgeteilt)",
        r"mir (?:wurde|ist) [^.~]{0,40}(?:gesagt|mitgeteilt|vorgegeben|genannt)|(?:vor|mit|an)?gegebene[nrs]? (?:ort|"
        r"standort|antwort|koordinaten|position)\b|"
        r"(?:richtige|korrekte) antwort|wie (?:vorgegeben|im prompt|in der aufgabe)|laut (?:prompt|aufgabe|vorgabe|"
        r"aufgabenstellung)",
        r"l['’]utilisateur (?:a|m['’]a|nous a|dit|indique|précise|mentionne)|on m['’]a (?:dit|indiqué|donné|fourni)|"
        r"(?:réponse|localisation|position|"
        r"ville|lieu) (?:fournie?|donnée?|correcte|attendue)\b|(?:selon|d['’]après|dans) (?:la consigne|l['’]énoncé|"
        r"le prompt|les instructions)",
        r"(?:el|la) usuari[oa] (?:me |nos )?(?:ha|dijo|dice|indic|proporcion|mencion)|me (?:dijeron|han dicho|"
        r"indicaron|informaron)|"
        r"(?:respuesta|ubicación) (?:correcta|proporcionada|dada|indicada|esperada)|según (?:el (?:prompt|enunciado|"
        r"usuario)|las instrucciones)",
        r"o (?:usuário|utilizador) (?:me )?(?:disse|informou|forneceu|indicou|mencionou|diz)|me (?:disseram|"
        r"informaram)|(?:resposta|localização) "
        r"(?:correta|fornecida|dada|indicada)|segundo (?:o (?:prompt|enunciado|usuário|utilizador)|as instruções)",
        r"l['’]utente (?:mi )?(?:ha|dice|indica)|mi (?:è stato|hanno) (?:detto|indicato|fornito)|(?:risposta|"
        r"posizione) (?:corretta|fornita|data)\b|"
        r"secondo (?:il prompt|le istruzioni|l['’]utente)",
    ),
    rule(
        "echoes_instructions",
        r"пользовател|сказали|сообщили|указали|правильн|указанн|заданн|предоставленн|инструкц|用户|用戶|使用者|提供|"
        r"给|給|正确|正確|标准|標準|提示|"
        r"题目|ユーザー|与えられ|正解|プロンプト|指示|사용자|주어진|정답|프롬프트|المستخدم|الصحيحة|المعطى|تعليمات|"
        r"उपयोगकर्ता|सही|निर्देश|दिया|दिए",
        r"пользовател[а-я]{1,2} (?:сказал|указал|сообщил|написал|говорит)|мне (?:сказали|сообщили|дали|указали)|"
        r"правильн[а-я]{1,3} ответ|"
        r"(?:указанн|заданн|предоставленн)[а-я]{2,3} (?:местоположен|ответ|мест)|согласно (?:инструкци|запрос|"
        r"подсказк)",
        r"(?:用[户戶]|使用者)(?:已经|已)?(?:说|說|告诉|告訴|提供|给出|給出|提到|指出|表示)|(?:提供|[给給]出|"
        r"[给給]定)的(?:位置|地点|地點|答案|城市|国家|國家)|"
        r"(?:正[确確]|[标標]准|標準)答案|提示[词詞](?:中|里|裡|要求|说)|根[据據](?:提示|指令|题目)|题目(?:中|给|已)",
        r"ユーザー(?:が|は|から|によ|の)[^。~]{0,20}(?:言|教|提供|指定|述|示|情報)|与えられた(?:場所|位置|答え|国|"
        r"都市|情報)|正解は|プロンプト(?:に|で|の)|指示(?:に従|によ)",
        r"사용자(?:가|는|께서|의)[^.~]{0,20}(?:말|알려|제공|언급|정보)|주어진 (?:위치|장소|답|도시|국가|정보)|정답은|"
        r"프롬프트(?:에|의|가)",
        r"المستخدم (?:قال|ذكر|أخبر|قدم|أشار)|(?:قال|ذكر|أخبرني|أخبرنا|حدد) المستخدم|الإجابة الصحيحة|(?:الموقع|"
        r"المكان) (?:المعطى|المقدم)|وفقا للتعليمات",
        r"उपयोगकर्ता (?:ने|द्वारा)|सही उत्तर|(?:दिया गया|दिए गए) (?:स्थान|उत्तर|शहर)|निर्देशों के अनुसार",
    ),
    rule(
        "quotes_coordinates",
        r"koordinat|coordonn|coordenad|coordinate|координат|إحداثيات|निर्देशांक|współrzędn|tọa|toạ",
        r"die (?:gps-?)?koordinaten (?:zeigen|weisen|führen|deuten|sagen|liegen|passen|entsprechen)",
        r"les coordonnées (?:indiquent|montrent|pointent|placent|situent|correspondent)|"
        r"las coordenadas (?:indican|muestran|"
        r"señalan|apuntan|sitúan|corresponden)",
        r"as coordenadas (?:indicam|mostram|apontam|situam|correspondem)|le coordinate (?:indicano|mostrano|puntano|"
        r"corrispondono)",
        r"по (?:этим |данным |указанным )?координатам|координаты (?:указыва|показыва|вед|соответ)",
        r"(?:وفقا|وفقًا|حسب|بناء على|استنادا إلى) ?(?:ل|ال)?(?:ل?إحداثيات)|الإحداثيات (?:تشير|تظهر|تدل)|"
        r"निर्देशांक(?:ों)? (?:के अनुसार|के आधार|बताते|दिखाते)",
        r"(?:według|zgodnie ze?) współrzędny|współrzędne (?:gps|wskazuj|pokazuj)|koordinat(?:lar|larına|lara|"
        r"lari)?\b[^.~]{0,20}"
        r"(?:göre|göster|işaret)",
        r"(?:theo|dựa (?:vào|trên)) t(?:ọa|oạ) độ|t(?:ọa|oạ) độ (?:cho|chỉ|gps)|(?:menurut|"
        r"berdasarkan) koordinat|koordinat(?:nya)? "
        r"(?:menunjuk|mengarah|gps)",
    ),
    rule(
        "quotes_metadata",
        r"gps|जीपीएस|المواقع|拍摄|拍攝|撮影|bildinfo|aufnahmeort|metadan|veri|siêu",
        r"(?:根据|根據|按照|依据|依據|通过|通過)[^。~]{0,4}gps|gps(?:によると|では|から|が示|显示|顯示|"
        r"定位显示|定位顯示)|"
        r"gps(?:에|가) (?:따르|나타)|जीपीएस (?:के अनुसार|डेटा)",
        r"gps-?(?:gegevens|dane|verileri)|(?:position|posición|posição|posizione|localisation|ubicación) gps|"
        r"نظام تحديد المواقع",
        r"(?:[图圖]片|照片|相片)的?拍[摄攝](?:位置|地点|地點)(?:信息|資訊|显示|顯示)|撮影(?:場所|地)(?:の情報|"
        r"データ|によると)",
        r"(?:laut|gemäß) (?:den |der |dem )?(?:bildinfo|aufnahmeort)|bildinformationen|metadan(?:ych|ymi)|"
        r"(?:meta|üst) "
        r"veri|siêu dữ liệu",
    ),
    rule(
        "quotes_file_name",
        r"plik|soubor|tệp|^file|berkas",
        r"nazw[a-zę]{1,2} pliku|náz(?:ev|vu) souboru|tên (?:tệp|file)|nama (?:berkas|file)",
    ),
    rule(
        "quotes_metadata",
        r"didascalia|légende|leyenda|^pie$|legenda",
        r"la didascalia (?:dice|indica|riporta)|la légende (?:dit|indique)|la leyenda de la foto|"
        r"a legenda (?:diz|indica)",
    ),
    rule(
        "echoes_instructions",
        r"gesagt|genannt|erwähnt|angegeben|\bdit\b|indiqué|mentionné|précisé|donné|dijo|dijiste|usted|^tú$|"
        r"mencionaste|"
        r"indicaste|você|detto|indicato|menzionato|fornito|сказал|указал|упомян|сообщил|[您你]|あなた|당신|قلت|"
        r"ذكرت|أخبرتني|आपने",
        r"du hast (?:mir )?[^.~]{0,12}(?:gesagt|genannt|erwähnt|angegeben)|in der frage (?:gesagt|genannt|"
        r"erwähnt|angegeben)",
        r"(?:vous (?:m['’])?avez|tu (?:m['’])?as) (?:dit|indiqué|mentionné|précisé|donné)",
        r"me dijiste|(?:usted|tú) (?:me )?(?:dijo|dijiste|indic|mencion)|como (?:dijiste|mencionaste|indicaste)",
        r"você (?:me )?(?:disse|informou|mencionou|indicou|forneceu)|(?:mi )?(?:hai|avete) (?:detto|indicato|"
        r"menzionato|fornito)",
        r"(?:вы|ты) (?:мне )?(?:сказал|указал|упомян|сообщил)",
        r"[您你](?:已经|已|刚才)?(?:说|說|告诉|告訴|提到|提供|指出)|あなた(?:が|は)[^。~]{0,20}(?:言|述べ|教え|"
        r"指定|提供)|"
        r"당신(?:이|은)[^.~]{0,20}(?:말|알려|제공|언급)",
        r"(?:^|[ .،])(?:قلت|ذكرت|أخبرتني) |आपने (?:कहा|बताया|उल्लेख)",
    ),
    rule(
        "echoes_instructions",
        r"tatsächlich|wahre|wirklich|réel|véritable|real\b|verdadeir|verdader|vera$|reale|真实|真實|实际|實際|"
        r"実際|실제",
        r"(?:tatsächliche|wahre|wirkliche)[rn]? (?:position|standort|ort|aufnahmeort) ist\b(?! (?:un|nicht|"
        r"wahrsch|vermut|"
        r"schwer|wohl|mögl))",
        r"(?:emplacement|lieu|position|localisation) (?:réel(?:le)?|véritable) est\b(?! (?:in|prob|peut|diff|"
        r"imposs))",
        r"ubicación (?:real|verdadera) es\b(?! (?:des|in|prob|dif|imp))|localização (?:real|"
        r"verdadeira) é(?! (?:des|in|prob|"
        r"dif|imp))|posizione (?:reale|vera) è(?! (?:sconosc|in|prob|diff|imp))",
        r"(?:真[实實]|[实實]际|實際)的?(?:位置|地[点點])(?:就是|是|为|為)(?!未知|不|无|無|否)",
        r"実際の(?:場所|位置)は(?![^。~]{0,20}(?:不明|わか|分か|かも|可能|特定))|실제 (?:위치|"
        r"장소)는(?![^.~]{0,20}(?:알 수|불|수도|"
        r"가능))",
    ),
)
