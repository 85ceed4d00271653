"""schemathesis against the running service: whatever it makes of the service's own description is answered as described."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from binaries import SOFIA

STUMP = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=close ret1
feature_infos=[0:1] [-1:1]
tree_sizes={size}

{tree}end of trees
"""
TREE = """Tree=0
num_leaves=2
num_cat=0
split_feature=1
split_gain=1
threshold=0
decision_type=10
left_child=-1
right_child=-2
leaf_value=-1 1
leaf_weight=1 1
leaf_count=1 1
internal_value=0
internal_weight=2
internal_count=2
is_linear=0
shrinkage=1


"""


@pytest.mark.parametrize("symbols", [["AUSD"], ["AUSD", "BUSD"]])
def test_the_service_answers_as_it_describes_itself(tmp_path, symbols):
    for symbol in symbols:
        dated = tmp_path / symbol / "2026-01-31"
        dated.mkdir(parents=True)
        (dated / "lgbm.txt").write_text(STUMP.format(size=len(TREE), tree=TREE))
        (tmp_path / symbol / "best_lgbm").symlink_to("2026-01-31")
    service = subprocess.Popen([SOFIA, "serve", "--model-dir", tmp_path, "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        url = next(found[1] for line in service.stderr if (found := re.search(r"on (http://\S+)", line)))
        runner = Path(sys.executable).with_name("schemathesis")
        done = subprocess.run([runner, "run", f"{url}/openapi.json", "--checks", "all", "--max-examples", "15", "--seed", "1", "--no-color"], cwd=tmp_path,
                              capture_output=True, text=True, timeout=300, env={**os.environ, "COLUMNS": "150"})
        assert done.returncode == 0, done.stdout[-4000:]
        count = int(re.search(r"(\d+) generated, \1 passed", done.stdout)[1])
        assert count > 100, "it tried next to nothing"
    finally:
        service.terminate()
        service.wait(timeout=60)
        service.stderr.close()
