"""`python -m factory`: the command, for where its script is not on the PATH.

Python itself looks into the working folder before the first line here runs; in a folder of somebody else's, start it as
`python -P -m factory`, or by its script `factory`.
"""

import sys
from pathlib import Path

_FIRST, _HERE = Path(sys.path[0] or ".").resolve(), Path.cwd().resolve()
if not sys.flags.safe_path and _FIRST == _HERE != Path(__file__).resolve().parents[1]:
    del sys.path[0]  # unless the factory itself lies there: a checkout that is not installed

from factory.cli.main import main  # noqa: E402 - what it needs is looked for from here on

if __name__ == "__main__":
    main()
