"""What setup.cfg cannot say: the description that a package index shows."""

import re
from pathlib import Path

from setuptools import setup

# An index has none of the repository's files: the README without pictures of them, and with the
# text alone of links to them.
readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
readme = re.sub(r"!\[[^]]*\]\((?!https?:)[^)]*\)[ \n]?", "", readme)
readme = re.sub(r"\[([^]]*)\]\((?!https?:)[^)]*\)", r"\1", readme)

setup(long_description=readme, long_description_content_type="text/markdown")
