"""JSON as RFC 8259 has it, with the place of each member of the outermost object. Depth costs no stack."""

import json
import re

TOKEN = re.compile(
    r'[ \t\n\r]*+(?:([{}\[\]:,])|("[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+")'
    r"|((?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)|true|false|null))"
)
SPACE = re.compile(r"[ \t\n\r]*+")


class NotJson(Exception):
    pass


def scan(text):
    """None for JSON that is no object; otherwise the members: name -> [start, end, items], of several with one name the last.

    `items` has the texts of a list's items, and is None for another value.
    """
    members, stack, at = {}, [], 0
    wants = {"value"}
    name = start = item = items = None
    while wants != {"end"}:
        match = TOKEN.match(text, at)
        if match is None:
            raise NotJson(at)
        at, kind = match.end(), match.lastindex
        sign = match[1] if kind == 1 else "string" if kind == 2 else "value"
        began = at - len(match[kind])
        if sign in ("string", "value", "[", "{") and "value" in wants:
            if len(stack) == 1 and stack[0] == "{":
                start, items = began, [] if sign == "[" else None
            elif len(stack) == 2 and items is not None:
                item = began
            if sign in "[{":
                stack.append(sign)
                wants = {"value", "]"} if sign == "[" else {"string", "}"}
                continue
        elif sign == "string" and "string" in wants:
            if len(stack) == 1:
                name = json.loads(match[2])
            wants = {":"}
            continue
        elif sign in wants and sign in "]}":
            stack.pop()
        elif sign in wants:
            wants = {"value"} if sign == ":" or stack[-1] == "[" else {"string"}
            continue
        else:
            raise NotJson(at)
        # A value is complete.
        if len(stack) == 2 and items is not None:
            items.append(text[item:at])
        elif len(stack) == 1 and stack[0] == "{":
            members[name] = [start, at, items]
            items = None
        wants = {"end"} if not stack else {",", "]"} if stack[-1] == "[" else {",", "}"}
    if SPACE.match(text, at).end() != len(text):
        raise NotJson(at)
    return members if text.lstrip(" \t\n\r")[0] == "{" else None
