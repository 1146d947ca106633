"""Whether an answer's data are what the document selected, of the types that the schema says."""

import graphql


def misfits(schema, document, data):
    """What does not fit, each with its path; nothing when all does."""
    operation = next(node for node in document.definitions if isinstance(node, graphql.OperationDefinitionNode))
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, graphql.FragmentDefinitionNode)}
    return of_object(schema, fragments, schema.get_root_type(operation.operation), [operation.selection_set], data, "data")


def untold(data, errors):
    """The errors for whose field nothing is null."""
    for path in filter(None, (error.get("path") for error in errors)):
        value = data
        for step in path:
            value = value and value[step]
        if value is not None:
            yield f"{path} failed, and is not null"


def of_value(schema, fragments, of_type, sets, value, path):
    if isinstance(of_type, graphql.GraphQLNonNull):
        if value is None:
            yield f"{path} is null, and is {of_type}"
            return
        of_type = of_type.of_type
    if value is None:
        return
    if isinstance(of_type, graphql.GraphQLList):
        if not isinstance(value, list):
            yield f"{path} is {value!r}, and is {of_type}"
            return
        for place, one in enumerate(value):
            yield from of_value(schema, fragments, of_type.of_type, sets, one, f"{path}[{place}]")
    elif graphql.is_leaf_type(of_type):
        if not fits_leaf(of_type, value):
            yield f"{path} is {value!r}, and is {of_type}"
    elif isinstance(value, dict):
        if graphql.is_abstract_type(of_type):
            # Which of them it is, it says itself or its fields are not known.
            of_type = schema.type_map.get(value.get("__typename"))
            if of_type is None:
                return
        yield from of_object(schema, fragments, of_type, sets, value, path)
    else:
        yield f"{path} is {value!r}, and is {of_type}"


def of_object(schema, fragments, of_type, sets, value, path):
    wanted = {}
    for selections in sets:
        collect(schema, fragments, of_type, selections, wanted)
    for key in value.keys() ^ wanted.keys():
        yield f"{path}.{key} is {'there, and was not selected' if key in value else 'not there'}"
    for key in value.keys() & wanted.keys():
        name, below = wanted[key]
        if name == "__typename":
            if value[key] != of_type.name:
                yield f"{path}.{key} is {value[key]!r}, and the type is {of_type}"
        else:
            yield from of_value(schema, fragments, of_type.fields[name].type, below, value[key], f"{path}.{key}")


def collect(schema, fragments, of_type, selections, wanted):
    for node in selections.selections:
        if isinstance(node, graphql.FieldNode):
            key = (node.alias or node.name).value
            below = wanted.setdefault(key, (node.name.value, []))[1]
            if node.selection_set:
                below.append(node.selection_set)
            continue
        if isinstance(node, graphql.FragmentSpreadNode):
            node = fragments[node.name.value]
        condition = node.type_condition and schema.type_map[node.type_condition.name.value]
        if condition in (None, of_type) or graphql.is_abstract_type(condition) and schema.is_sub_type(condition, of_type):
            collect(schema, fragments, of_type, node.selection_set, wanted)


def fits_leaf(of_type, value):
    if isinstance(of_type, graphql.GraphQLEnumType):
        return value in of_type.values
    if of_type.name == "JSON":
        return True
    if of_type.name == "Boolean":
        return isinstance(value, bool)
    if of_type.name == "Int":
        return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31
    if of_type.name == "Float":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    # Of Thrive's own, all others are written as text.
    return isinstance(value, str)


def tried():
    """That it finds what does not fit, and nothing else."""
    schema = graphql.build_schema("type Query { a: Int! b: [E!] c: Query d: N } enum E { X Y } interface N { id: ID! } type O implements N { id: ID! }")
    document = graphql.parse("{ a l: b c { a } ... on Query { c { b } } d { __typename ... on N { id } } }")
    right = {"a": 1, "l": ["X"], "c": {"a": 2, "b": None}, "d": {"__typename": "O", "id": "o"}}
    found = list(misfits(schema, document, right))
    assert not found, found
    wrong = [{"a": None}, {"a": "1"}, {"a": True}, {"l": "X"}, {"l": [None]}, {"l": ["Z"]}, {"c": {"a": 2}}, {"c": {"a": 2, "b": [], "x": 1}}, {"c": 1},
             {"d": {"__typename": "O"}}, {"d": {"__typename": "O", "id": 7}}]
    for change in wrong:
        assert len(list(misfits(schema, document, right | change))) == 1, change
    assert list(misfits(schema, document, {"a": 1})), "fields are missing"
    failed = [{"path": ["c", "b"]}, {"path": ["c", "b", 0]}, {"message": "without a path"}]
    assert not list(untold(None, failed)) and not list(untold({"c": {"b": None}}, failed))
    assert len(list(untold({"c": {"b": ["X"]}}, failed))) == 2
