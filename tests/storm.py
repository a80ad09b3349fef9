"""How hard the tests under load press: `make soak` runs the same ones with DOCENT_STORM, which multiplies.

DOCENT_ROUND counts its rounds, so that each draws something else by chance.
"""

import os

STORM = int(os.environ.get("DOCENT_STORM", "1"))
ROUND = int(os.environ.get("DOCENT_ROUND", "0"))
