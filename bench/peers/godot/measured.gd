# What the two measured scripts share: arguments, messages, and the window in which they are counted, as peers/common.h has them for C.
extends SceneTree

const TAG := 1
## Messages sent between two polls.
const BURST := 256

var settings := {}
var message := PackedByteArray()
var size := 0
var sent := 0
var next := 0
var disorder := 0

var _began := 0
var _from := 0
var _from_cpu := 0
var _from_messages := 0
var _done := false

func _initialize() -> void:
	for argument in OS.get_cmdline_user_args():
		var pair := argument.split("=")
		settings[pair[0]] = pair[1]
	size = int(settings.size)
	message.resize(size)
	if settings.role == "server":
		serve()
	else:
		ask()

func serve() -> void:
	pass

func ask() -> void:
	pass

func port() -> int:
	return int(settings.port)

func fail(what: String) -> void:
	printerr(what)
	OS.kill(OS.get_process_id())

## Counts messages and CPU time for `seconds` after `warmup`, then says the result, once.
func count(messages: int) -> void:
	if _done:
		return
	var now := Time.get_ticks_usec()
	if _began == 0:
		_began = now
	elif _from == 0:
		if now - _began >= float(settings.warmup) * 1e6:
			_from_cpu = cpu_us()
			_from_messages = messages
			_from = Time.get_ticks_usec()
	elif now - _from >= float(settings.seconds) * 1e6:
		_done = true
		print("result total=%d messages=%d ns=%d cpu_us=%d sequences=%d disorder=%d rss_kib=%d" % [messages, messages - _from_messages,
			(now - _from) * 1000, cpu_us() - _from_cpu, messages - _from_messages, disorder, peak_kib()])

## Of all threads of this process, in steps of 10 ms.
func cpu_us() -> int:
	# Files of /proc say that they are empty, so they are read by the line.
	var fields := FileAccess.open("/proc/self/stat", FileAccess.READ).get_line().get_slice(")", 1).split(" ")
	return (int(fields[12]) + int(fields[13])) * 10000

func peak_kib() -> int:
	var status := FileAccess.open("/proc/self/status", FileAccess.READ)
	while true:
		var line := status.get_line()
		if line.begins_with("VmHWM:"):
			return int(line)
	return 0
