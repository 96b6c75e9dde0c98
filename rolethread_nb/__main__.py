"""``python -m rolethread_nb`` is the command line."""

import sys

from .cli import main

sys.exit(main())
