"""`pointwire gateway terminal provision` from the command line; rotate and revoke: test_cli.py."""

import json
from pathlib import Path

from gateway import startup
from gateway.database import open_engine
from tests.support.gateway_process import environment, run
from tests.support.street import Street


def test_a_key_file_is_written_told_and_never_shown(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/pointwire.sqlite3"
    startup.migrate(url)
    engine = open_engine(url)
    who = str(Street(engine).terminals[0])
    engine.dispose()
    env, out = environment(tmp_path), tmp_path / "keys.json"
    done = run(env, "terminal", "provision", who, "--out", str(out))
    assert done.returncode == 0, done.stderr
    key = json.loads(out.read_text())["key_hex"]
    assert done.stdout == f"{out}: terminal {who}, key epoch 1; remove it when the handset works\n"
    again = run(env, "terminal", "provision", who, "--out", str(out))
    assert again.returncode == 1 and "there already" in again.stderr
    out.unlink()
    said = run(env, "terminal", "provision", who, "--out", str(out), "--json")
    assert json.loads(said.stdout) == {"file": str(out), "terminal_id": int(who), "epoch": 1}
    assert not [each for each in (done, again, said) if key in each.stdout + each.stderr]
    assert run(env, "terminal", "provision", who).returncode == 2
