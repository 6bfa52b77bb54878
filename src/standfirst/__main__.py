"""`python -m standfirst`: the same as the command `standfirst`."""

import sys

from standfirst.project.cli import main

sys.exit(main())
