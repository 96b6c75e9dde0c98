"""LaTeX commands and the escapes that they look like."""

from __future__ import annotations

import re

# What is left of a command whose backslash and first letter were read as an escape: \f of \frac, \b of \beta, \v of \vec, \a of \alpha.
_REST = {
    "\x07": "a(?:lpha|pprox|ngle|rctan|rccos|rcsin|leph|malg|cute|lign|st|rg)",
    "\x08": "b(?:eta|egin|inom|oldsymbol|oxed|ullet|igoplus|igcup|igcap|igl|igr|ig|ar|ot|mod|f)",
    "\x0b": "v(?:arepsilon|artheta|arphi|arrho|ec|dots|ert|phantom|space|ee)",
    "\x0c": "f(?:rac|orall|lat|box|loor|ootnote|ill|rown)",
}
EATEN = re.compile("|".join(f"{char}{names[1:]}(?![A-Za-z])" for char, names in _REST.items()))
_FIRST = {char: names[0] for char, names in _REST.items()}

# Commands that begin with \n, \t or \r (LaTeX 2e, amsmath, amssymb, booktabs).
LIKE_ESCAPES = frozenset(
    "nu ne neq neg not notin ni nabla nmid nleq ngeq nless ngtr nsubseteq nsupseteq nparallel nexists nearrow nwarrow natural newline newpage"
    " newcommand newenvironment newtheorem noindent nonumber nocite normalsize nolimits notag numberwithin nprec nsim ncong nvdash nVdash"
    " nRightarrow nLeftarrow nrightarrow nleftarrow nobreak nopagebreak nofiles null tau tan tanh tag text textbf textit texttt textrm textsc textsf"
    " textup textnormal textcolor textstyle textwidth textheight textsuperscript textsubscript textquotedbl textbackslash textasciitilde textgreater"
    " textless theta times to top triangle triangleq tilde tfrac therefore thickapprox thicksim tiny title thispagestyle thanks tableofcontents"
    " tabular toprule triangleleft triangleright twoheadrightarrow twocolumn tbinom rho right rightarrow rightharpoonup rightleftharpoons rangle"
    " rfloor rceil rbrace rbrack rvert rVert ref rm root rule raggedright raggedleft renewcommand rtimes relax raise risingdotseq".split()
)


def meant_by(eaten: str) -> str:
    """The command that a match of ``EATEN`` is left of: ``\\\\frac`` for a form feed and ``rac``."""
    return f"\\{_FIRST[eaten[0]]}{eaten[1:]}"
