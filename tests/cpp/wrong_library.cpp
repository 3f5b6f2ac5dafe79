// A library of another ABI than the header's: the program defines the function that tells, and the loader takes the program's.
#include "support.hpp"

extern "C" std::uint32_t sinew_abi_version(void) { return SINEW_ABI_VERSION + 1; }

int main()
{
    for (const auto &refused : {sinew::Server::start("server.group = 'world'").error(), sinew::Server::start_file("world.toml").error()}) {
        CHECK(refused.code() == sinew::Code::WrongLibrary);
        CHECK(refused.message() == "this program was built for version " + std::to_string(SINEW_ABI_VERSION) + " of Sinew's ABI, but the library that is loaded (" +
                                       std::string(sinew::version()) + ") speaks version " + std::to_string(SINEW_ABI_VERSION + 1) +
                                       "; build the program with the headers of the library that it runs with");
    }
    return 0;
}
