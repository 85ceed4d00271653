"""Optuna's fANOVA of one study for several seeds of its forest, run by the Python of .venv-skfolio for test_fanova.py.

    fanova_side.py URL STUDY SEEDS      prints a list of {parameter: share}
"""

import json
import sys
import warnings

warnings.filterwarnings("ignore")
import optuna  # noqa: E402
from optuna.importance import FanovaImportanceEvaluator, get_param_importances  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.load_study(study_name=sys.argv[2], storage=sys.argv[1])
json.dump([get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed)) for seed in range(int(sys.argv[3]))], sys.stdout)
