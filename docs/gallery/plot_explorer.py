"""
The explorer
============

``isoloss explore`` serves a page on your own machine, on which everything in the paper's example
can be moved by hand; :doc:`/guides/explore` tells what else is on it. This script starts it and
looks at it with a browser, which Playwright drives.
"""

import io
import shutil
import subprocess

import matplotlib.image as mpimg
from matplotlib.figure import Figure
from playwright.sync_api import sync_playwright

import isoloss as il

command = ["isoloss", "explore", "--no-browser", "--port", "0"]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
    address = server.stdout.readline().split()[4]
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1240, "height": 720}, color_scheme="light")
        # the address holds the whole state: a link shows what its sender saw
        page.goto(f"{address}?tab=example&lr=1.4475&steps=12&level=0.12")
        page.wait_for_selector("#ends td")
        shown = page.locator("#ratio").inner_text()
        picture = mpimg.imread(io.BytesIO(page.screenshot(full_page=True)))
        browser.close()
    server.terminate()

height, width = picture.shape[:2]
figure = Figure(figsize=(width / 150, height / 150))
axes = figure.add_axes((0, 0, 1, 1))
axes.imshow(picture, interpolation="none")
axes.set_axis_off()

# %%
# The number on the page is the library's:

problem = il.Problem.from_spectra(train=[2 / 3, 1 / 3], test=[1 / 2, 1 / 2], start=[-3, -2])
flow = il.train(problem, il.GradientFlow(), train_loss=0.12)
annealed = il.train(problem, il.anneal(1.4475, steps=12), train_loss=0.12)
ratio = flow.test_loss / annealed.test_loss
print(f"test loss of flow / annealed: {shown} on the page, {ratio:.5g}")
