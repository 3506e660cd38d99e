"""An adapter: each record of our own system, a JSON object a line, is put; `yoake-adapter send` sends. 架空データ."""

import json
import sys
from pathlib import Path

from events.outbox import Outbox
from events.seal import public_key

key = public_key(Path("inbox.pub.jwk").read_bytes())
with Outbox("outbox.db", source="/night-desk/1", key=key) as outbox:
    for record in map(json.loads, sys.stdin):
        matter = {"case": f"N-{record['no']}", "district": record["area"]}
        personal = {"caller": {"name": record["caller"]}, "words": record["said"]}
        message = {
            "id": f"entry-{record['no']}",
            "type": "call.report",
            "time": record["at"],
            "synthetic": True,
            "data": {"matters": [matter], "personal": personal},
        }
        sys.stdout.write(f"entry {record['no']}: number {outbox.put(message)}\n")
