"""The look of the screens, for 1366 x 768 and larger; without `>`, which the configuration would escape.

The panels at the right, of regions and their details, go: a box is chosen and deleted where it is drawn, and the room
is needed. `lsf-` and `ant-` are names of Label Studio 1.23; where they change, a screen is roomier, not broken.
"""

from __future__ import annotations

from typing import Final

STYLE: Final = """
.lsf-sidepanels__wrapper_align_right{display:none}
.lsf-sidepanels{padding-right:0!important}
.gr-root{display:block}
.gr-cols{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1.12fr);gap:12px;align-items:start}
.gr-left{position:sticky;top:0}
.gr-right h4,.gr-left h4{margin:0!important;font-size:13px;line-height:18px;font-weight:600}
.gr-card{border:1px solid rgba(128,128,128,.28);border-radius:8px;padding:5px 10px;margin-bottom:6px}
.gr-right .lsf-choices{display:flex;flex-wrap:wrap;gap:0 14px;margin:0;align-items:center}
.gr-right .lsf-choice,.gr-right .lsf-choice__item,.gr-right .lsf-choice__checkbox{margin:0!important;padding:0}
.gr-right .lsf-choice__checkbox{font-size:13px;line-height:22px;min-height:22px;align-items:center}
.gr-right .ant-radio,.gr-right .ant-checkbox{top:0!important;margin:0}
.gr-right .lsf-hint{opacity:.75;font-size:10px;top:-.35em}
.gr-ask{display:grid;grid-template-columns:66px 1fr;align-items:center;column-gap:8px}
.gr-right .gr-verdict .lsf-choice__checkbox{font-weight:600}
.gr-clue{border-left:3px solid #2563eb;padding:0 0 1px 8px;margin:3px 0}
.gr-right .gr-clue h4,.gr-right .gr-longer h4 + h4,.gr-right .gr-note h4{font-weight:400;white-space:pre-line}
.gr-right .gr-clue h4{max-height:150px;overflow:auto}
.gr-longer h4{max-height:200px;overflow:auto;overflow-wrap:anywhere}
.gr-clue h4{overflow-wrap:anywhere}
.gr-place{display:grid;grid-template-columns:130px 130px minmax(0,1fr);gap:10px;align-items:start}
.gr-place input[type=number]{height:40px;margin:2px 0;width:100%;box-sizing:border-box}
.gr-right .lsf-text-area{margin:2px 0!important}
.gr-right .lsf-textarea__region p{padding-right:72px}
.gr-right .lsf-text-area,.gr-right .lsf-text-area div{margin-bottom:0!important}
.gr-right .lsf-textarea__actions{visibility:visible!important;opacity:1!important}
.gr-map{display:grid;grid-template-columns:200px minmax(0,1fr);gap:10px;align-items:center}
.gr-map svg{display:block;width:200px;border-radius:6px}
.gr-map ul{list-style:none;margin:0;padding:0;font-size:13px;line-height:1.35;max-height:150px;overflow:auto}
.gr-map li{overflow-wrap:anywhere}
.gr-map li{padding-left:16px;position:relative;margin-bottom:2px}
.gr-map i{position:absolute;left:2px;top:4px;width:9px;height:9px;border-radius:50%}
.gr-pair{display:grid;grid-template-columns:1fr 1fr;gap:8px}
.gr-pair .gr-card h4 + h4{font-weight:400;white-space:pre-line;max-height:46vh}
.gr-criterion{grid-template-columns:130px 1fr}
.gr-said .lsf-richtext{max-height:70vh;overflow:auto}
"""
