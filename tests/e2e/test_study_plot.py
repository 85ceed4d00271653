"""`sofia study plot` in a headless Chromium: every chart is drawn, nothing is asked of the network, nothing complains; the figures are Optuna's.

`sofia` is found in SOFIA_BIN_DIR or build/release/bin.
"""

import json
import math
import re
import subprocess

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import get_param_importances
from optuna.trial import TrialState, create_trial

import browser
from binaries import SOFIA

SECONDS_MAX = 60
EVIL = "</script><script>alert('x')</script><!-- \"'&\\ \U0001f600 \u202e\u2028\u65e5\u672c <b>"
CHOICES = ("gbdt", None, True, 1.5, EVIL)
# What a page can show, in its order.
CHARTS = ["pareto", "history", "importance", "parallel", "slice", "contour", "intermediate", "trials"]

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(scope="module")
def chromium():
    if browser.missing():
        pytest.skip(browser.missing())
    with browser.Browser() as one:
        yield one


def add(study, count, objectives=1):
    """Trials with everything in them: a log scale, a category, a conditional parameter, constraints, infinities, and every state."""
    for n in range(count):
        space = {"rate": FloatDistribution(1e-5, 1.0, log=True), "leaves": IntDistribution(4, 64, step=4), EVIL: CategoricalDistribution(CHOICES)}
        params = {"rate": 10 ** (-5 + 5 * (n * 0.618034 % 1)), "leaves": 4 + 4 * (n * 7 % 16), EVIL: CHOICES[n % 5]}
        if n % 3 == 0:
            space["deep"], params["deep"] = FloatDistribution(0, 1), n * 0.414214 % 1
        value = (math.log10(params["rate"]) + 2) ** 2 + params["leaves"] / 64 + n % 5 + (1e6 if n == 4 else 0)
        values = [math.inf if n == 8 else value, -value + n % 4, float(params["leaves"])][:objectives]
        state = {7: TrialState.FAIL, 11: TrialState.PRUNED, 13: TrialState.RUNNING}.get(n, TrialState.COMPLETE)
        study.add_trial(create_trial(
            state=state, values=values if state == TrialState.COMPLETE else None, params=params, distributions=space,
            system_attrs={"constraints": [1.0 if n % 6 == 5 else -1.0]},
            intermediate_values={s: math.nan if s == 2 else value + 3 / (s + 1) for s in range(5)} if objectives == 1 and n % 2 == 1 else {}))


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plot")
    url = f"sqlite:///{folder / 'studies.db'}"
    add(optuna.create_study(storage=url, study_name=EVIL), 40)
    many = optuna.create_study(storage=url, study_name="many", directions=["minimize", "maximize", "minimize"])
    many.set_metric_names(["loss", EVIL, "leaves used"])
    add(many, 30, 3)
    add(optuna.create_study(storage=url, study_name="one", direction="maximize"), 1)
    infinite = optuna.create_study(storage=url, study_name="infinite")
    for value in (math.inf, -math.inf):
        infinite.add_trial(create_trial(value=value, params={"x": 1.0}, distributions={"x": FloatDistribution(1.0, 1.0)}))
    pruned = optuna.create_study(storage=url, study_name="pruned")
    pruned.add_trial(create_trial(state=TrialState.PRUNED, intermediate_values={0: 1.0, 3: 0.5}))
    return folder, url


def plot(storage, study, *more):
    folder, url = storage
    out = folder / f"page_{abs(hash((study, more)))}.html"
    done = subprocess.run([str(w) for w in (SOFIA, "study", "plot", "--storage", url, "--study", study, "--out", out, "--json", *more)],
                          capture_output=True, text=True, timeout=SECONDS_MAX)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bytes"] == out.stat().st_size
    return out


def data_of(page):
    return json.loads(re.search(r'id="study-data">(.*?)</script>', page.read_text(), re.S)[1])


def drawn(chromium, page):
    """Opens the page; the sections that are shown, each with how many marks its charts have."""
    chromium.open(page)
    assert chromium.js("document.documentElement.dataset.ready") == "yes"
    quiet(chromium, page)
    return {name: counts for name, counts in chromium.js(
        "[...document.querySelectorAll('section[id]:not([hidden])')].map(s => [s.id, [...s.querySelectorAll('.plot')].map(p => Number(p.dataset.drawn))])")}


def quiet(chromium, page):
    assert chromium.console == []
    assert [url for url in chromium.requests if not url.startswith("data:")] == [page.as_uri()]


def blank_charts(chromium):
    """Labels of the charts in which neither the canvas nor the drawing above it shows anything."""
    return chromium.js("""[...document.querySelectorAll('.plot')].filter(p => {
        const c = p.querySelector('canvas');
        const pixels = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer);
        return new Set(pixels).size < 2 && !p.querySelector('.art rect, .art path');
    }).map(p => p.ariaLabel)""")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_of_a_study_is_drawn(chromium, storage, scheme):
    chromium.colours(scheme)
    shown = drawn(chromium, plot(storage, EVIL))
    assert list(shown) == CHARTS[1:]
    assert shown["history"] == [40]
    assert shown["importance"] == [4]
    assert shown["slice"] and len(shown["slice"]) == 4
    assert all(count > 0 for counts in shown.values() for count in counts)
    assert blank_charts(chromium) == []
    # Names are text, whatever they hold.
    assert chromium.js("document.title") == EVIL
    assert chromium.js("document.querySelectorAll('b b, main script').length") == 0


def test_several_objectives_have_a_front_and_a_picker(chromium, storage):
    page = plot(storage, "many")
    shown = drawn(chromium, page)
    assert list(shown) == [name for name in CHARTS if name != "intermediate"]
    assert blank_charts(chromium) == []
    texts = []
    for place in range(3):
        texts.append(chromium.js(f"""(() => {{ const s = document.querySelector('#bar select'); s.value = '{place}'; s.dispatchEvent(new Event('change'));
            return document.querySelector('#history .plot').ariaLabel; }})()"""))
        assert blank_charts(chromium) == []
    assert len(set(texts)) == 3
    quiet(chromium, page)


def test_one_objective_of_several_and_some_parameters(chromium, storage):
    page = plot(storage, "many", "--target", "leaves used", "--params", "rate,leaves")
    shown = drawn(chromium, page)
    assert len(shown["slice"]) == 2
    assert not chromium.js("document.querySelector('#bar select')")
    assert [p["name"] for p in data_of(page)["parameters"]] == ["rate", "leaves"]


@pytest.mark.parametrize("study, charts", [("one", {"history", "parallel", "slice", "trials"}), ("infinite", {"history", "trials"}), ("pruned", {"intermediate"})])
def test_little_to_show_is_shown(chromium, storage, study, charts):
    assert set(drawn(chromium, plot(storage, study))) == charts
    assert blank_charts(chromium) == []


def test_a_trial_is_chosen_by_pointer_and_keyboard_in_all_charts(chromium, storage):
    page = plot(storage, EVIL)
    drawn(chromium, page)
    chromium.size(1280, 900)
    chromium.js("document.querySelector('#history .plot').focus()")
    chromium.press("ArrowRight")
    chromium.press("ArrowRight")
    assert chromium.js("document.querySelector('#told').textContent").startswith("trial 1")
    assert chromium.js("document.querySelectorAll('#history .ring.chosen, #parallel .ring.chosen').length") == 2
    chromium.press("Escape")
    assert chromium.js("document.querySelectorAll('.ring.chosen').length") == 0
    # The best one, where its star stands.
    x, y = chromium.js("""(() => { const p = document.querySelector('#history'); p.scrollIntoView({behavior: 'instant'}); const b = [...p.querySelectorAll('.art path')].at(-1).getBoundingClientRect();
        return [b.x + b.width / 2, b.y + b.height / 2]; })()""")
    chromium.mouse("mouseMoved", x, y)
    assert chromium.js("document.querySelector('.tip b').textContent").startswith("trial ")
    chromium.click(x, y)
    best = optuna.load_study(study_name=EVIL, storage=storage[1]).best_trial.number
    assert chromium.js("document.querySelector('.chosen-trial header').textContent").startswith(f"trial {best}")
    quiet(chromium, page)


def test_axes_are_brushed_tables_sorted_and_pages_printed(chromium, storage):
    page = plot(storage, EVIL)
    drawn(chromium, page)
    chromium.size(1280, 900)
    before = chromium.js("document.querySelectorAll('#parallel .brush').length")
    x, y, height = chromium.js("""(() => { document.querySelector('#parallel').scrollIntoView({behavior: 'instant'}); const b = document.querySelectorAll('#parallel .handle')[1].getBoundingClientRect();
        return [b.x + b.width / 2, b.y, b.height]; })()""")
    chromium.mouse("mousePressed", x, y + 0.3 * height, button="left", clickCount=1)
    chromium.mouse("mouseMoved", x, y + 0.6 * height, button="left")
    chromium.mouse("mouseReleased", x, y + 0.6 * height, button="left", clickCount=1)
    assert (before, chromium.js("document.querySelectorAll('#parallel .brush').length")) == (0, 1)
    column = "[...document.querySelectorAll('#trials tbody tr')].map(r => Number(r.cells[0].textContent))"
    chromium.js("document.querySelector('#trials th button').click()")
    assert chromium.js(column) == sorted(chromium.js(column), reverse=True)
    assert chromium.pdf().startswith(b"%PDF")
    assert chromium.js("document.documentElement.dataset.paper === undefined")
    chromium.size(400, 800)
    assert chromium.js("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(document.documentElement.scrollWidth))))") <= 400
    quiet(chromium, page)


def test_the_figures_are_those_of_optuna(storage):
    study = optuna.load_study(study_name=EVIL, storage=storage[1])
    data = data_of(plot(storage, EVIL))
    # The best-value line: the best of the complete, feasible trials up to each number.
    steps = {n: float(v) for n, v in data["targets"][0]["line"]}
    best, line = math.inf, {}
    for trial in study.trials:
        feasible = trial.state == TrialState.COMPLETE and all(c <= 0 for c in trial.constraints.values())
        if feasible and trial.value < best:
            best = line[trial.number] = trial.value
    assert steps == pytest.approx(line)
    assert data["best"] == [study.best_trial.number]
    # Which trials have a value; importance by Optuna's default evaluator.
    finite = [t for t in study.trials if t.state == TrialState.COMPLETE and math.isfinite(t.value)]
    assert [n for n, v in zip(data["trials"]["number"], data["trials"]["values"][0]) if v is not None and math.isfinite(float(v))] == [t.number for t in finite]
    ours = {data["parameters"][p]["name"]: share for p, share in data["targets"][0]["importance"]}
    assert ours == pytest.approx(get_param_importances(study), abs=2e-5)
    # Infeasible as Optuna has it; curves of those that complete, were pruned or run.
    assert data["trials"]["feasible"] == "".join("1" if all(c <= 0 for c in t.constraints.values()) else "0" for t in study.trials)
    reported = {t.number for t in study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)) if t.intermediate_values}
    assert {curve["number"] for curve in data["reports"]["curves"]} == reported


def test_the_front_is_that_of_optuna(storage):
    study = optuna.load_study(study_name="many", storage=storage[1])
    assert data_of(plot(storage, "many"))["best"] == sorted(t.number for t in study.best_trials)
