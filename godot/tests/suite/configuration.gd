# The three ways to say what a server is, and what wrong ones are told.
extends "res://tests/test_case.gd"

const FILE := "user://sinew-test.toml"

func test_a_file_by_its_path() -> void:
	var file := FileAccess.open(FILE, FileAccess.WRITE)
	file.store_string("server.group = 'g'\nserver.name = 'from-file'\ngroups.g.connects_to = ['g']\nregistry = { host = true, listen = '127.0.0.1:0' }\n")
	file.close()
	var server := node("")
	server.config_file = FILE
	equal(server.start(), OK, "start (%s)" % SinewServer.get_last_error())
	equal(server.server_name, "from-file", "its name")
	server.free()
	server = node("")
	server.config_file = ProjectSettings.globalize_path(FILE)
	equal(server.start(), OK, "by its path in the system")
	server.config_file = "res://not-there.toml"
	equal(server.reload(), ERR_PARSE_ERROR, "no such file")
	says("not-there.toml")

func test_the_properties_of_the_inspector() -> void:
	var server := node("")
	server.group = "world"
	server.server_name = "from-inspector"
	server.listen = "127.0.0.1:0"
	server.registry = ["127.0.0.1:9"]
	server.topology = { "lobby": ["world"], "world": [] }
	equal(server.validate(), PackedStringArray(), "no warning")
	equal(server.start(), OK, "start (%s)" % SinewServer.get_last_error())
	equal(server.server_name, "from-inspector", "its name")
	check(server.get_effective_config().contains("from-inspector"), "the effective configuration")
	var lost: Array[String] = []
	server.registry_lost.connect(func(text: String) -> void: lost.append(text))
	await until(func() -> bool: return lost.size() == 1, "a registry that is not there is told")
	check(lost[0].contains("127.0.0.1:9"), lost[0])

func test_wrong_configurations_are_warnings_and_errors() -> void:
	var server := node("")
	check(server.validate().size() == 1, "an empty one is wrong")
	server.config_text = "server.grup = 'g'\n"
	var warnings := server.validate()
	equal(warnings.size(), 1, "one warning")
	check(warnings[0].contains("line 1") and warnings[0].contains("server.group"), warnings[0])
	equal(server.start(), ERR_PARSE_ERROR, "start")
	says("server.group")
	equal(server.is_running(), false, "it does not run")
	server.config_text = "server.group = 'g'\ngroups.g.connects_to = ['g']\nregistry.addresses = ['127.0.0.1:9']\n"
	equal(server.validate(), PackedStringArray(), "a right one")
	server.group = "other"
	check(server.validate()[0].contains("config_text"), "properties that are not used")
	server.config_file = FILE
	check("; ".join(server.validate()).contains("config_text are not used"), "a text that is not used")
	equal(server.get_effective_config() == "", false, "the file is used")

func test_hostile_properties_stay_what_they_are() -> void:
	var server := node("")
	server.group = "a\" \n[registry]\nhost = true #\\"
	server.registry = ["127.0.0.1:9"]
	equal(server.start(), ERR_PARSE_ERROR, "no new keys slip in")
	says("server.group")

func test_a_key_file_is_found_where_godot_finds_it() -> void:
	var server := node("server.group = 'g'\ngroups.g.connects_to = ['g']\nregistry.addresses = ['127.0.0.1:9']\ncluster.key_file = 'res://not-there.key'\n")
	equal(server.start(), ERR_UNAUTHORIZED, "a key file that is not there")
	says("not-there.key")
	var file := FileAccess.open("user://broken.key", FileAccess.WRITE)
	file.store_string("no key")
	file.close()
	server.config_text = server.config_text.replace("res://not-there.key", "user://broken.key")
	equal(server.start(), ERR_UNAUTHORIZED, "a key file that is none")
	says(ProjectSettings.globalize_path("user://broken.key"))

func test_an_address_that_is_taken_is_told() -> void:
	var socket := TCPServer.new()
	socket.listen(0, "127.0.0.1")
	var server := node("server.group = 'g'\ngroups.g.connects_to = ['g']\nregistry.addresses = ['127.0.0.1:9']\nserver.listen = '127.0.0.1:%d'\n" % socket.get_local_port())
	equal(server.start(), ERR_ALREADY_IN_USE, "start")
	says("server.listen")

func test_autostart() -> void:
	var server := SinewServer.new()
	server.config_text = config("lobby", "lobby-1", "registry = { host = true, listen = '127.0.0.1:0' }")
	server.autostart = true
	equal(server.is_running(), false, "not before it is ready")
	tree().root.add_child(server)
	equal(server.is_running(), true, "when it is ready")
	equal(server.start(), ERR_ALREADY_IN_USE, "a second start")
	server.free()
