// A C++ program without exceptions and run-time types, as engines are built: includes the header as it is, starts, polls, stops, frees.
#include <sinew.h>

#include <cstdio>
#include <cstring>

namespace {

int fail(const char *what)
{
    char why[512];
    sinew_last_error(why, sizeof why, nullptr);
    std::fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

} // namespace

int main()
{
    const char *config = "log.to = 'none'\n"
                         "server.group = 'world'\n"
                         "groups.world.connects_to = ['world']\n"
                         "registry.host = true\n"
                         "registry.listen = '127.0.0.1:0'\n";
    if (sinew_abi_version() != SINEW_ABI_VERSION) {
        return fail("header and library do not fit");
    }
    sinew_server *server = nullptr;
    if (sinew_server_start(config, std::strlen(config), &server) != SINEW_RESULT_OK) {
        return fail("start");
    }
    bool started = false;
    for (;;) {
        sinew_event events[16];
        std::size_t count = 0;
        const sinew_result result = sinew_server_poll(server, 20000, events, 16, &count);
        if (result == SINEW_RESULT_STOPPED) {
            break;
        }
        if (result != SINEW_RESULT_OK || count == 0) {
            return fail("poll");
        }
        for (std::size_t i = 0; i < count; i++) {
            switch (events[i].type) {
            case SINEW_EVENT_STARTED:
                started = true;
                sinew_server_stop(server);
                break;
            default: // later versions add types
                break;
            }
        }
    }
    sinew_server_free(server);
    return started ? 0 : fail("never started");
}
