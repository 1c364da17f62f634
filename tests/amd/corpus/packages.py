"""The Debian packages the corpus is made with, and the check that they are there."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", tempfile.gettempdir())) / "trunkline-amd-corpus"
"""Utterances already spoken; may be deleted at any time."""

FESTIVAL_VOICES = Path("/usr/share/festival/voices")

NEEDED: dict[str, Path | str] = {
    "espeak-ng": "espeak-ng",
    "flite": "flite",
    "festival": "festival",
    "vorbis-tools": "oggdec",
    "festvox-kallpc16k": FESTIVAL_VOICES / "english/kal_diphone",
    "festvox-kdlpc16k": FESTIVAL_VOICES / "english/ked_diphone",
    "festvox-us-slt-hts": FESTIVAL_VOICES / "us/cmu_us_slt_arctic_hts",
    "festvox-italp16k": FESTIVAL_VOICES / "italian/lp_diphone",
    "festvox-itapc16k": FESTIVAL_VOICES / "italian/pc_diphone",
    "festvox-czech-dita": FESTIVAL_VOICES / "czech/czech_dita",
    "festvox-czech-krb": FESTIVAL_VOICES / "czech/czech_krb",
    "festvox-czech-machac": FESTIVAL_VOICES / "czech/czech_machac",
    "festvox-czech-ph": FESTIVAL_VOICES / "czech/czech_ph",
    "festvox-suopuhe-lj": FESTIVAL_VOICES / "finnish/suo_fi_lj_diphone",
    "festvox-suopuhe-mv": FESTIVAL_VOICES / "finnish/hy_fi_mv_diphone",
    "festvox-hi-nsk": FESTIVAL_VOICES / "hindi/hindi_NSK_diphone",
    "festvox-mr-nsk": FESTIVAL_VOICES / "marathi/marathi_NSK_diphone",
    "festvox-te-nsk": FESTIVAL_VOICES / "telugu/telugu_NSK_diphone",
    "festvox-ca-ona-hts": FESTIVAL_VOICES / "catalan/upc_ca_ona_hts",
    "festvox-ru": FESTIVAL_VOICES / "russian/msu_ru_nsh_clunits",
    "festival-ca": Path("/usr/share/festival/dicts/upc"),
    "festival-czech": Path("/usr/share/doc/festival-czech"),
    "festival-hi": Path("/usr/share/festival/hindi_scm"),
    "festival-mr": Path("/usr/share/festival/marathi_scm"),
    "festival-te": Path("/usr/share/festival/telugu_scm"),
    "asterisk-core-sounds-en-wav": Path("/usr/share/asterisk/sounds/en_US_f_Allison/vm-intro.wav"),
    "asterisk-core-sounds-es-wav": Path("/usr/share/asterisk/sounds/es_MX_f_Allison/vm-intro.wav"),
    "asterisk-core-sounds-fr-wav": Path("/usr/share/asterisk/sounds/fr_CA_f_June/vm-intro.wav"),
    "asterisk-core-sounds-it-wav": Path("/usr/share/asterisk/sounds/it_IT_m_Carlo/vm-intro.wav"),
    "asterisk-core-sounds-ru-wav": Path("/usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU/vm-intro.wav"),
    "asterisk-prompt-it-menardi-wav": Path("/usr/share/asterisk/sounds/it_IT_f_Menardi/vm-intro.wav"),
    "asterisk-moh-opsound-wav": Path("/usr/share/asterisk/moh/manolo_camp-morning_coffee.wav"),
    "klettres-data": Path("/usr/share/klettres/en/alpha"),
    "ktuberling-data": Path("/usr/share/ktuberling/sounds/en"),
    "tuxpaint-stamps-default": Path("/usr/share/tuxpaint/stamps/animals"),
}
"""Package → the program or the file by which it is known to be there."""


def missing() -> list[str]:
    """The packages that are not installed."""
    return [
        package
        for package, sign in NEEDED.items()
        if not (sign.exists() if isinstance(sign, Path) else shutil.which(sign) is not None)
    ]


def require() -> None:
    """SystemExit with the command that installs what is missing."""
    if lacking := missing():
        raise SystemExit(f"the corpus lacks Debian packages; apt-get install --no-install-recommends {' '.join(lacking)}")
