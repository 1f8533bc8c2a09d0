"""How a text looks: colours, folds, selections."""

from __future__ import annotations

from lsprotocol import types

from incdsl.lsp import convert
from incdsl.lsp.colours import MODIFIERS, TYPES, colours
from incdsl.lsp.server import Server, answers
from incdsl.lsp.structure import folds, selections

_FOLDS = {"comment": types.FoldingRangeKind.Comment, "imports": types.FoldingRangeKind.Imports, "region": None}
_LEGEND = types.SemanticTokensLegend(list(TYPES), list(MODIFIERS))


@answers(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, _LEGEND)
def coloured(server: Server, params: types.SemanticTokensParams) -> types.SemanticTokens:
    return _coloured(server, params.text_document.uri, None)


@answers(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE, _LEGEND)
def coloured_where(server: Server, params: types.SemanticTokensRangeParams) -> types.SemanticTokens:
    return _coloured(server, params.text_document.uri, params.range)


@answers(types.TEXT_DOCUMENT_FOLDING_RANGE)
def folded(server: Server, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
    document = server.documents[params.text_document.uri]
    return [types.FoldingRange(f.first - 1, f.last - 1, kind=_FOLDS[f.kind]) for f in folds(document.reading)]


@answers(types.TEXT_DOCUMENT_SELECTION_RANGE)
def selected(server: Server, params: types.SelectionRangeParams) -> list[types.SelectionRange]:
    document = server.documents[params.text_document.uri]
    places = server.places(document)
    found = []
    for position in params.positions:
        grown: types.SelectionRange | None = None
        for span in reversed(selections(document.reading, places.offset(position))):
            grown = types.SelectionRange(places.span(span), grown)
        found.append(grown or types.SelectionRange(types.Range(position, position)))
    return found


def _coloured(server: Server, uri: str, where: types.Range | None) -> types.SemanticTokens:
    document = server.documents[uri]
    places = server.places(document)
    start, end = (places.offset(where.start), places.offset(where.end)) if where else (0, None)
    found = colours(document.reading, start, end)
    return types.SemanticTokens(convert.semantic_tokens(found, places, server.workspace.position_codec))
