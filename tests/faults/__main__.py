"""`python -m tests.faults --runs 200 --seed 1`: what `make faults` runs."""

import sys

from tests.faults.disturbed import main

sys.exit(main())
