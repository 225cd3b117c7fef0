"""The models against the published figures and the package that ships them, at extremes, and against played shops."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.audience.forecast import fitting, horizon, learning, lifetime, money_model, orders_model, plausible
from shuke.audience.forecast.tests import simulated

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lifetimes
    from lifetimes import datasets

WEEKS = 39.0


@pytest.fixture(scope="module")
def cdnow() -> Any:
    return datasets.load_cdnow_summary(index_col=[0])


@pytest.fixture(scope="module")
def fitted(cdnow: Any) -> fitting.Fit:
    return fitting.fit_orders(_buyers(cdnow))


def _arrays(table: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frequency, recency, age = (table[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    return frequency, recency, age


def _buyers(table: Any) -> orders_model.Buyers:
    return orders_model.grouped(*_arrays(table))


def _package(of: orders_model.Parameters) -> Any:
    """The package with parameters that are given, not fitted."""
    package = lifetimes.BetaGeoFitter()
    package.params_ = {"r": of.r, "alpha": of.alpha, "a": of.a, "b": of.b}
    package.predict = package.conditional_expected_number_of_purchases_up_to_time
    return package


@pytest.mark.row("A6")
def test_orders_model__cdnow_of_2005__published_parameters(fitted: fitting.Fit) -> None:
    of = orders_model.Parameters.of_logs(fitted.logs)
    assert [round(v, 3) for v in (of.r, of.alpha, of.a, of.b)] == [0.243, 4.414, 0.793, 2.426]
    assert round(fitted.log_likelihood, 1) == -9582.4  # the paper's
    assert fitted.is_settled
    # The package's own standard errors, by another way of taking second derivatives.
    assert [round(e or 0, 2) for e in fitted.errors] == [0.01, 0.38, 0.19, 0.71]


@pytest.mark.row("A6")
def test_money_model__cdnow__published_parameters() -> None:
    table = datasets.load_cdnow_summary_data_with_monetary_value()
    table = table[table.frequency > 0]
    orders, value = table.frequency.to_numpy(float), table.monetary_value.to_numpy(float)
    assert len(orders) == 946
    fit = fitting.fit_money(orders, value)
    of = money_model.Parameters.of_logs(fit.logs)
    assert [round(v, 2) for v in (of.p, of.q, of.gamma)] == [6.25, 3.74, 15.45]
    # The note prints 15.44: the likelihood there is no higher, by less than can be told.
    printed = money_model.Likelihood(orders, value)(np.log([6.25, 3.74, 15.44]))
    assert printed <= fit.log_likelihood <= printed + 0.01
    package = lifetimes.GammaGammaFitter()
    package.params_ = {"p": of.p, "q": of.q, "v": of.gamma}
    told = package.conditional_expected_average_profit(table.frequency, table.monetary_value)
    np.testing.assert_allclose(money_model.expected_value(of, orders, value), told, rtol=1e-9)


@pytest.mark.row("A6")
def test_forecast__cdnow_39_weeks__1653_against_1882_that_came(fitted: fitting.Fit, cdnow: Any) -> None:
    of = orders_model.Parameters.of_logs(fitted.logs)
    each = orders_model.expected_orders(of, *_arrays(cdnow), WEEKS)
    assert round(each.sum()) == 1653
    log = Path(datasets.__file__).with_name("CDNOW_sample.txt").read_text().split("\n")
    came = {tuple(line.split()[1:3]) for line in log if "19971001" <= line[12:20] <= "19980630"}
    assert len(came) == 1882  # a customer's orders of one day are one, as in the calibration
    band = horizon.ahead(
        _people(cdnow), horizon.Learnt(of, None, np.tile(fitted.logs, (60, 1)), None), WEEKS, 0.8,
        np.random.default_rng(1),
    ).orders  # fmt: skip
    # What is published: the model falls short of 1997's buyers by an eighth, and no interval of chance alone hides it.
    assert band.low < band.expected < band.high < 1882


def test_expected_orders__any_parameters__as_the_package_says(cdnow: Any) -> None:
    some = cdnow.iloc[::7]
    for of in (
        orders_model.Parameters(0.243, 4.414, 0.793, 2.426),
        orders_model.Parameters(1.5, 30.0, 2.0, 5.0),
        orders_model.Parameters(0.1, 2.0, 0.2, 0.9),
    ):
        package = _package(of)
        mine = orders_model.expected_orders(of, *_arrays(some), WEEKS)
        theirs = package.conditional_expected_number_of_purchases_up_to_time(WEEKS, *_arrays(some))
        np.testing.assert_allclose(mine, theirs, rtol=1e-8)
        np.testing.assert_allclose(
            orders_model.chance_alive(of, *_arrays(some)),
            np.ravel(package.conditional_probability_alive(*_arrays(some))),
            rtol=1e-9,
        )
        np.testing.assert_allclose(
            orders_model.expected_of_new(of, np.array([1.0, 10.0, 60.0])),
            package.expected_number_of_purchases_up_to_time(np.array([1.0, 10.0, 60.0])),
            rtol=1e-8,
        )


def test_lifetime_value__cdnow__as_the_package_says() -> None:
    table = datasets.load_cdnow_summary_data_with_monetary_value()
    of, worth = orders_model.Parameters(0.243, 4.414, 0.793, 2.426), money_model.Parameters(6.25, 3.74, 15.44)
    package = lifetimes.GammaGammaFitter()
    package.params_ = {"p": worth.p, "q": worth.q, "v": worth.gamma}
    theirs = package.customer_lifetime_value(
        _package(of), table.frequency, table.recency, table["T"], table.monetary_value,
        time=12, discount_rate=0.01, freq="W",
    )  # fmt: skip
    people = horizon.People(
        *_arrays(table), table.frequency.to_numpy(float), table.monetary_value.to_numpy(float)
    )
    mine = lifetime.lifetime_value(people, of, worth, months=12, month=4.345, discount=0.01)
    np.testing.assert_allclose(mine, theirs, rtol=1e-7)


def _people(table: Any) -> horizon.People:
    nothing = np.zeros(len(table))
    return horizon.People(*_arrays(table), nothing, nothing)


def test_gradients__anywhere__as_the_differences_say(cdnow: Any) -> None:
    likelihood = orders_model.Likelihood(_buyers(cdnow))
    money = money_model.Likelihood(np.array([1.0, 3.0, 9.0]), np.array([20.0, 55.0, 31.0]))
    cases: tuple[tuple[Any, np.ndarray], ...] = (
        (likelihood, np.array([-1.4, 1.5, -0.2, 0.9])),
        (likelihood, np.array([2.0, -2.0, 3.0, -3.0])),
        (money, np.array([1.0, 0.4, 3.0])),
    )
    for model, at in cases:
        exact = model.gradient(at)
        for place in range(len(at)):
            away = np.zeros(len(at))
            away[place] = 1e-5
            slope = (model(at + away) - model(at - away)) / 2e-5
            assert math.isclose(exact[place], slope, rel_tol=2e-5, abs_tol=1e-3)


log_anywhere = st.floats(-orders_model.FARTHEST, orders_model.FARTHEST)


@settings(max_examples=150, deadline=None)
@given(st.tuples(log_anywhere, log_anywhere, log_anywhere, log_anywhere), st.integers(0, 400), st.data())
def test_orders_model__anywhere_within_its_bounds__finite_and_possible(
    logs: tuple[float, ...], x: int, data: st.DataObject
) -> None:
    age = data.draw(st.floats(1.0, 4000.0))
    recency = data.draw(st.floats(0.01, 1.0)) * age if x else 0.0
    of = orders_model.Parameters.of_logs(np.array(logs))
    f, t, a = (np.array([float(v)]) for v in (x, recency, age))
    alive = orders_model.chance_alive(of, f, t, a)
    assert 0 <= alive[0] <= 1
    near, far = (orders_model.expected_orders(of, f, t, a, ahead)[0] for ahead in (30.0, 90.0))
    # Never more than without leaving: the mean rate times the time.
    assert 0 <= near <= far * (1 + 1e-9) <= (of.r + x) / (of.alpha + age) * 90.0 * (1 + 1e-6)
    assert np.isfinite(orders_model.Likelihood(orders_model.grouped(f, t, a))(np.array(logs)))
    half, most = (orders_model.wait_for_next(of, f, a, share)[0] for share in (0.5, 0.9))
    assert 0 <= half <= most


@pytest.mark.parametrize(
    ("case", "frequency", "recency", "age"),
    [
        ("nobody came back", [0] * 40, [0] * 40, range(20, 60)),
        ("one customer", [3], [40], [60]),
        ("all as clockwork", [12] * 30, [360] * 30, [365] * 30),
        ("everybody came yesterday", [0] * 20, [0] * 20, [0] * 19 + [1]),
        ("one buys every day", [0] * 30 + [900], [0] * 30 + [1000], [500] * 30 + [1000]),
    ],
)
def test_learn__shops_at_the_edge__bounded_and_unsure(
    case: str, frequency: list[int], recency: list[int], age: list[int]
) -> None:
    count = len(frequency)
    people = horizon.People(
        *(np.array(list(v), float) for v in (frequency, recency, age)), *np.zeros((2, count))
    )
    rng = np.random.default_rng(3)
    learnt = learning.learn(people, rng, draws=200)
    assert not learnt.orders.is_settled
    assert learnt.money is None
    band = horizon.ahead(people, learnt.learnt, 91.0, 0.8, rng).orders
    assert np.isfinite([band.low, band.expected, band.high]).all(), case
    assert 0 <= band.low <= band.high
    assert band.high - band.low >= 1, case


def test_grouped__same_customers_in_groups__same_likelihood() -> None:
    shop = simulated.play(500, 7)
    arrays = [np.array(v, float) for v in (shop.frequency, shop.recency, shop.age)]
    apart = orders_model.Buyers(*arrays, np.ones(500))
    at = np.array([-0.3, 4.0, -0.2, 0.5])
    together = orders_model.grouped(*arrays)
    assert len(together.count) < 500
    assert together.total == 500
    shifted = orders_model.grouped(*(v + 0.0 for v in arrays), np.ones(500))
    assert math.isclose(
        orders_model.Likelihood(apart)(at), orders_model.Likelihood(together)(at), rel_tol=1e-12
    )
    assert shifted.repeaters == apart.repeaters
    weekly = orders_model.rounded(together, 7.0)
    assert weekly.total == 500
    assert weekly.repeaters == apart.repeaters
    with pytest.raises(ValueError, match="at most its age"):
        orders_model.grouped(np.array([1.0]), np.array([5.0]), np.array([4.0]))


@pytest.mark.row("A6")
@pytest.mark.parametrize(
    "buyers", [50, pytest.param(500, marks=pytest.mark.soak), pytest.param(5_000, marks=pytest.mark.soak)]
)
def test_interval__40_simulated_shops__holds_about_four_of_five(buyers: int) -> None:
    """A loose bound in every run: 40 seeds hold 32 of 40, give or take 2.5; the 1,000 stand in bench/bench_forecast.py."""
    held, wide = 0, []
    for seed in range(40):
        shop = simulated.play(buyers, seed)
        band = forecast_of(shop, seed, draws=100).orders
        held += band.low <= shop.orders <= band.high
        wide.append((band.high - band.low) / max(band.expected, 1.0))
    print(f"{buyers} buyers: {held} of 40 held, interval {np.median(wide):.0%} of the forecast")
    assert 25 <= held <= 38
    # How little fifty buyers say.
    assert np.median(wide) > {50: 0.6, 500: 0.15, 5_000: 0.03}[buyers]


def forecast_of(
    shop: simulated.Shop, seed: int, *, draws: int = 300, is_valued: bool = False
) -> horizon.Ahead:
    """The forecast of a played shop's next quarter."""
    paid = (shop.paid_days, shop.mean_paid) if is_valued else np.zeros((2, len(shop.age)))
    people = horizon.People(*(np.array(v, float) for v in (shop.frequency, shop.recency, shop.age, *paid)))
    rng = np.random.default_rng(seed)
    learnt = learning.learn(people, rng, draws)
    return horizon.ahead(people, learnt.learnt, float(simulated.QUARTER), 0.8, rng)


@pytest.mark.row("A6")
def test_interval__large_shop_by_sample__as_wide_as_played_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = simulated.play(1_500, 11)
    exact = forecast_of(shop, 1, is_valued=True)
    monkeypatch.setattr(horizon, "MOST_PLAYED", 1_000)
    sampled = forecast_of(shop, 1, is_valued=True)
    assert exact.orders.expected == sampled.orders.expected
    wide, narrow = exact.orders.high - exact.orders.low, sampled.orders.high - sampled.orders.low
    assert 0.75 < narrow / wide < 1.33
    assert exact.value is not None
    assert sampled.value is not None
    of_exact, of_sample = (band.high - band.low for band in (exact.value, sampled.value))
    assert 0.65 < of_sample / of_exact < 1.5


def test_plausible__very_many_customers__around_the_most_likely_ones(
    fitted: fitting.Fit, cdnow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A top found less exactly than it is narrow moved the interval off the number: at a million buyers it held not even it."""
    monkeypatch.setattr(plausible, "MOST_NUMBERS", 1)
    found = plausible.plausible_orders(_buyers(cdnow), 2_000, np.random.default_rng(1), fitted)
    errors = np.array(fitted.errors, float) / np.exp(fitted.logs)
    assert (np.abs(found.logs.mean(axis=0) - fitted.logs) < errors * 0.1).all()
    np.testing.assert_allclose(found.logs.std(axis=0), errors, rtol=0.1)
