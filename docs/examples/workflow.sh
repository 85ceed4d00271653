#!/usr/bin/env bash
# The whole workflow of the touch strategy on one symbol: tune, select, train, backtest, stress.
#
#   docs/examples/workflow.sh DATA_DIR MODEL_DIR [TUNE_OPTION...]
#   docs/examples/workflow.sh data/BTCUSDT models/BTCUSDT --set instrument.kind=inverse
#
# TRIALS (200), STUDY (workflow), CONFIG (configs/touch.yaml) and SOFIA (build/release/bin/sofia) may be set in the environment. Called again
# with the same names it goes on where it was interrupted.
set -euo pipefail

data=${1:?"usage: $0 DATA_DIR MODEL_DIR [TUNE_OPTION...]"}
models=${2:?"usage: $0 DATA_DIR MODEL_DIR [TUNE_OPTION...]"}
shift 2
trials=${TRIALS:-200} study=${STUDY:-workflow} config=${CONFIG:-configs/touch.yaml} sofia=${SOFIA:-build/release/bin/sofia}
folder=$models/$study

# Of an interrupted call the finished trials count.
finished=$(find "$folder" -maxdepth 1 -name 'tuning_summary_*.json' 2> /dev/null | wc -l || true)
if [ "$finished" -lt "$trials" ]; then
    echo "== tune"
    "$sofia" tune --config "$config" --data-dir "$data" --model-dir "$models" --study "$study" --trials $((trials - finished)) --resume "$@"
fi

echo "== select"
"$sofia" select --model-dir "$models" --study "$study"

# Where nothing is selected, the tuner's best trial shows why.
trial=$(python3 -c 'import json, sys; champion = json.load(open(sys.argv[1]))["champion"]; print("" if champion is None else champion)' "$folder/selection.json")
if [ -z "$trial" ]; then
    trial=$("$sofia" study best --storage "sqlite:///$folder/optuna.db" --study "$study" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["number"])')
fi

echo "== trial $trial: train, backtest, stress"
"$sofia" train --from-tuning "$folder/tuning_summary_$trial.json"
"$sofia" backtest --train-config "$folder/train_config_$trial.json"
"$sofia" stress --train-config "$folder/train_config_$trial.json"
