"""An installation of Label Studio without Label Studio: a program that answers who somebody is, tells an account's
token, and does nothing else. The token is that of its first start until another stands in the file `token` of its data.
"""

from __future__ import annotations

import sys
from pathlib import Path

from annotation.environment import VERSION, empty_database, program

ANSWERS = """
import http.server, json, os, pathlib, sys
stored = pathlib.Path(os.environ["LABEL_STUDIO_BASE_DATA_DIR"]) / "token"
if sys.argv[1] == "user":
    print("=> User info:")
    print({"email": sys.argv[3], "token": stored.read_text(), "status": "ok"})
    sys.exit()
if not stored.exists():
    stored.write_text(os.environ["LABEL_STUDIO_USER_TOKEN"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers["Authorization"] == "Token " + stored.read_text()
        body = json.dumps({"id": 1, "email": os.environ["LABEL_STUDIO_USERNAME"]}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
"""
"""Its last argument is its port, as of the real one."""


def installed(home: Path, says: str = f"#!{sys.executable} -I\n{ANSWERS}") -> Path:
    """What an installation looks like, with a script as its program."""
    for path in (program(home), empty_database(home)):
        path.parent.mkdir(parents=True)
    program(home).write_text(says)
    program(home).chmod(0o755)
    empty_database(home).touch()
    (home / "factory-installed.txt").write_text(f"label-studio {VERSION}\n")
    return home
