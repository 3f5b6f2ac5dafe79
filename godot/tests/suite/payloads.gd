# SinewWriter and SinewReader, held to the vectors that every language is held to.
extends "res://tests/test_case.gd"

func vectors(file: String) -> Array[Dictionary]:
	var parsed: Dictionary = JSON.parse_string(FileAccess.get_file_as_string(option("vectors").path_join(file)))
	var all := ops_of(parsed["vectors"])
	check(not all.is_empty(), "%s has vectors" % file)
	# GDScript has no numbers over 2^63, and no NUL in its strings.
	return all.filter(func(vector: Dictionary) -> bool: return not vector.has("needs"))

func ops_of(list: Variant) -> Array[Dictionary]:
	var untyped: Array = list
	var ops: Array[Dictionary] = []
	ops.assign(untyped)
	return ops

func test_the_writer_gives_each_vectors_bytes() -> void:
	for vector in vectors("written.json"):
		var writer := SinewWriter.new()
		for op in ops_of(vector["ops"]):
			write(writer, op)
		equal(writer.get_error(), "", str(vector["name"]))
		equal(writer.to_bytes().hex_encode(), str(vector["hex"]), str(vector["name"]))

func test_the_reader_gives_each_vectors_values() -> void:
	for vector in vectors("written.json") + vectors("readable.json"):
		var reader := SinewReader.create(str(vector["hex"]).hex_decode())
		for op in ops_of(vector["ops"]):
			expect(reader, op, str(vector["name"]))
		check(reader.is_finished(), "%s is read to its end: %s" % [vector["name"], reader.get_error()])

func test_what_must_be_refused_is_refused_at_its_offset() -> void:
	for vector in vectors("rejected.json"):
		var name := str(vector["name"])
		var reader := SinewReader.create(str(vector["hex"]).hex_decode())
		for op in ops_of(vector["ops"]):
			expect(reader, op, name)
		var position := reader.get_position()
		if vector["fails"] == "finish":
			check(not reader.is_finished(), name)
			continue
		if vector["fails"] == "raw":
			reader.read_raw(str(vector["length"]).to_int())
		else:
			reader.call("read_%s" % vector["fails"])
		check(reader.get_error().contains("byte %s:" % vector["offset"]), "%s: '%s' names byte %s" % [name, reader.get_error(), vector["offset"]])
		equal(reader.get_position(), position, "%s: a failed read moves nothing" % name)
		equal(reader.read_u8(), 0, "%s: what is read after an error is empty" % name)

func test_numbers_of_128_bits_are_two_halves() -> void:
	var bytes := SinewWriter.new().write_u128(1, 0).write_i128(-1, -1).write_u64(-1).to_bytes()
	equal(bytes.hex_encode(), "fe00000000000000000100000000000000" + "01" + "fdffffffffffffffff", "as Rust writes 2^64, -1 and 2^64 - 1")
	var reader := SinewReader.create(bytes)
	equal(reader.read_u128(), PackedInt64Array([1, 0]), "read_u128")
	equal(reader.read_i128(), PackedInt64Array([-1, -1]), "read_i128")
	equal(reader.read_u64(), -1, "read_u64")
	check(reader.is_finished(), "all is read")

func test_a_forged_length_is_an_error_and_no_allocation() -> void:
	var reader := SinewReader.create("fdffffffff00000000".hex_decode())
	equal(reader.read_bytes(), PackedByteArray(), "4 GiB of bytes that are not there")
	check(reader.get_error().contains("byte 0:"), reader.get_error())

func test_values_that_do_not_fit_are_told() -> void:
	var writer := SinewWriter.new().write_u8(7).write_u8(256).write_u16(-1)
	equal(writer.to_bytes(), PackedByteArray([7]), "only what fits is written")
	check(writer.get_error().contains("256") and writer.get_error().contains("0 to 255"), writer.get_error())
	equal(writer.clear().get_error(), "", "clear forgets the error")
	equal(writer.size(), 0, "clear forgets the bytes")

func test_variants_travel_without_objects() -> void:
	var value := { "name": "arena", "at": Vector3(1, 2, 3), "players": [1, 2, 3] }
	equal(SinewServer.get_variant(var_to_bytes(value)), value, "a dictionary")
	var secret := RefCounted.new()
	check(not is_same(SinewServer.get_variant(var_to_bytes(secret)), secret), "an object is never read")

func write(writer: SinewWriter, op: Dictionary) -> void:
	var value: Variant = op["value"]
	match str(op["op"]):
		"bool":
			var flag: bool = value
			writer.write_bool(flag)
		"f32", "f64":
			writer.call("write_%s" % op["op"], float_of(str(value)))
		"char":
			writer.write_char(str(value))
		"str":
			writer.write_str(str(value))
		"bytes":
			writer.write_bytes(str(value).hex_decode())
		"raw":
			writer.write_raw(str(value).hex_decode())
		"option":
			if value == null:
				writer.write_none()
			else:
				writer.write_some()
				for inner in ops_of(value):
					write(writer, inner)
		"seq":
			var elements: Array = value
			writer.write_len(elements.size())
			for element: Variant in elements:
				for inner in ops_of(element):
					write(writer, inner)
		_:
			writer.call("write_%s" % op["op"], str(value).to_int())

func expect(reader: SinewReader, op: Dictionary, name: String) -> void:
	var value: Variant = op["value"]
	match str(op["op"]):
		"bool":
			equal(reader.read_bool(), value == true, name)
		"f32", "f64":
			var found: float = reader.call("read_%s" % op["op"])
			equal(hex_of(found, str(value).length()), str(value), name)
		"char":
			equal(reader.read_char(), str(value), name)
		"str":
			equal(reader.read_str(), str(value), name)
		"bytes":
			equal(reader.read_bytes(), str(value).hex_decode(), name)
		"raw":
			equal(reader.read_raw(floori(str(value).length() / 2.0)), str(value).hex_decode(), name)
		"option":
			equal(reader.read_some(), value != null, name)
			if value != null:
				for inner in ops_of(value):
					expect(reader, inner, name)
		"seq":
			var elements: Array = value
			equal(reader.read_len(), elements.size(), name)
			for element: Variant in elements:
				for inner in ops_of(element):
					expect(reader, inner, name)
		_:
			equal(reader.call("read_%s" % op["op"]), str(value).to_int(), name)

## The vectors give the bits of floats, the most significant first.
func float_of(hex: String) -> float:
	var bytes := hex.hex_decode()
	bytes.reverse()
	return bytes.decode_float(0) if bytes.size() == 4 else bytes.decode_double(0)

func hex_of(value: float, digits: int) -> String:
	var bytes := PackedByteArray()
	bytes.resize(8)
	if digits == 8:
		bytes.encode_float(0, value)
		bytes.resize(4)
	else:
		bytes.encode_double(0, value)
	bytes.reverse()
	return bytes.hex_encode()
