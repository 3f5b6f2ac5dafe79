// The second translation unit of types.cpp, which uses the header, too, and includes it twice.
#include <sinew.hpp>
#include <sinew.hpp>

std::size_t everything(sinew::Server &server);

std::size_t everything(sinew::Server &server)
{
    std::size_t count = 0;
    for (const sinew::Event &event : server.poll()) {
        count += event.message().payload.size() + event.text().size() + event.registration().properties().size();
        count += event.reply().payload.size() + event.request().payload().size();
    }
    sinew::Writer writer;
    writer.write_str("x");
    sinew::Reader reader(writer.bytes());
    count += reader.read_str() == "x" && reader.finish() ? 0 : 1;
    count += server.groups() ? 1 : 0;
    return count;
}
