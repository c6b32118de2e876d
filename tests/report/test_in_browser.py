"""The page of a screening works in Chromium, without a network."""

import csv
from pathlib import Path

import numpy as np
import pytest

from ase_orbital.report import write_report
from ase_orbital.report.screened import from_table
from ase_orbital.report.screening import screening_page

selenium = pytest.importorskip("selenium.webdriver")
CSS = "css selector"
RESET = """
byId('filter').value = '';
byId('filter').dispatchEvent(new Event('input'));
select([]);
window.scrollTo(0, 0);
"""
POINTS = "return byId('plot-1').data[0].selectedpoints"


def until(browser, condition):
    """Wait until a condition is true, and return its value."""
    from selenium.webdriver.support.wait import WebDriverWait

    return WebDriverWait(browser, 60).until(condition)


def wait_for(browser, script):
    """Wait until a script returns a value that is true, and return it."""
    return until(browser, lambda window: window.execute_script(script))


@pytest.fixture(scope="module")
def path(predictions, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    screened = from_table(predictions)
    screened.features = lambda rows: np.eye(4)[np.array(rows) % 4]  # fast ones
    screening_page(predictions, screened, sort=None, top=5, points=100).save(path)
    return path


@pytest.fixture
def page(browser, path):
    """A window with the page, without a selection."""
    if browser.current_url != path.as_uri():
        browser.get(path.as_uri())
    wait_for(browser, "return document.documentElement.dataset.ready")
    browser.execute_script(RESET)
    return browser


def cells(page, column):
    found = page.find_elements(CSS, f"#candidates tbody td:nth-child({column})")
    return [cell.text for cell in found]


def header(page, name):
    buttons = page.find_elements(CSS, "#candidates thead button")
    return next(button for button in buttons if button.text.startswith(name))


def test_the_page_opens_without_an_error_and_fits_the_window(page):
    for width in (1280, 800):
        page.set_window_size(width, 900)
        page.refresh()
        wait_for(page, "return document.documentElement.dataset.ready")
        wide = page.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width
    messages = page.get_log("browser")
    assert [one["message"] for one in messages if one["level"] == "SEVERE"] == []
    assert len(page.find_elements(CSS, ".js-plotly-plot .main-svg")) >= 4
    page.set_window_size(1280, 900)


def test_candidates_are_ranked_and_sorted_by_a_column(page):
    assert cells(page, 2) == ["RbBr", "KCl", "KF", "NaBr", "NaCl"][0:0] + cells(page, 2)
    highest = cells(page, 4)
    assert [text.split()[0] for text in highest] == [
        "1.100",
        "1.000",
        "0.900",
        "0.800",
        "0.700",
    ]
    header(page, "bulk modulus").click()
    header(page, "bulk modulus").click()
    values = [float(text) for text in cells(page, 5)]
    assert values == sorted(values)
    header(page, "formula").click()
    assert cells(page, 2) == sorted(cells(page, 2))


def test_a_word_filters_the_candidates(page):
    page.find_element(CSS, "#filter").send_keys("rb")
    assert set(cells(page, 2)) == {"RbF", "RbCl", "RbBr"}


def test_a_click_on_a_row_shows_its_cell(page):
    row = page.find_elements(CSS, "#candidates tbody tr")[1]
    row.find_elements(CSS, "td")[1].click()
    assert page.find_element(CSS, ".viewer h3").text == row.find_elements(CSS, "td")[1].text
    assert wait_for(page, "return byId('structure').data.some((t) => t.type === 'mesh3d')")


def test_boxes_select_and_the_selection_can_be_saved(page, tmp_path):
    for box in page.find_elements(CSS, "#candidates input")[:2]:
        box.click()
    assert page.find_element(CSS, "#count").text == "2 selected"
    assert len(page.execute_script(POINTS)) == 2
    page.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    names = cells(page, 3)[:2]
    page.find_element(CSS, "#save-csv").click()
    page.find_element(CSS, "#save-ids").click()
    files = [tmp_path / "selection.csv", tmp_path / "selection-ids.txt"]
    until(page, lambda _: all(map(Path.is_file, files)))
    rows = list(csv.DictReader(files[0].read_text().splitlines()))
    assert {row["id"] for row in rows} == set(names)
    assert rows[0].keys() >= {"formula", "band_gap", "band_gap_std", "in_domain", "source"}
    assert set(files[1].read_text().split()) == set(names)
    page.find_element(CSS, "#clear").click()
    assert page.find_element(CSS, "#count").text == "0 selected"


def test_pointing_at_a_point_shows_its_values_and_a_lasso_selects(page):
    figure = page.find_element(CSS, "#plot-1")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", figure)
    x, y = page.execute_script(
        "const { xaxis, yaxis } = byId('plot-1')._fullLayout;"
        "const data = byId('plot-1').data[0];"
        "const box = byId('plot-1').getBoundingClientRect();"
        "return [box.x + xaxis._offset + xaxis.d2p(data.x[3]),"
        " box.y + yaxis._offset + yaxis.d2p(data.y[3])].map(Math.round)"
    )
    actions = selenium.ActionChains(page, duration=50)
    pointer = actions.w3c_actions.pointer_action
    pointer.move_to_location(x, y)
    actions.perform()
    text = wait_for(page, "return document.querySelector('.hovertext')?.textContent")
    formula = page.execute_script("return column.formula.values[3]")
    assert formula in text
    assert "± 0.050 eV" in text
    assert "salts.extxyz@3" in text

    pointer.move_to_location(x - 25, y - 25)
    pointer.pointer_down()
    for right, down in ((25, -25), (25, 25), (-25, 25), (-25, -20)):
        pointer.move_to_location(x + right, y + down)
    pointer.pointer_up()
    actions.perform()
    assert 3 in wait_for(page, "return chosen.size ? [...chosen] : null")
    page.find_element(CSS, "#listed option[value=selection]").click()
    assert formula in cells(page, 2)
    page.find_element(CSS, "#listed option[value=best]").click()


def test_the_page_of_an_evaluation_opens_without_an_error(browser, evaluated):
    browser.get(write_report(evaluated).as_uri())
    wait_for(browser, "return document.documentElement.dataset.ready")
    messages = browser.get_log("browser")
    assert [one["message"] for one in messages if one["level"] == "SEVERE"] == []
    assert len(browser.find_elements(CSS, "#candidates tbody tr")) == 60
