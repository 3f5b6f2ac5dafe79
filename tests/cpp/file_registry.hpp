// A registry without a service, written by the game: a folder that all servers share, with one file for each of them.
//
// A file appears whole (it is written beside its place and renamed), is written again three times per lease, and is removed when its server
// deregisters. One that is older than a lease belongs to a server that crashed. The clocks of the machines that share the folder must agree to a
// fraction of the lease.
//
// Hand every event to dispatch(), and call tick() now and then, best once per frame; both on the thread that polls.
#ifndef SINEW_TESTS_FILE_REGISTRY_HPP
#define SINEW_TESTS_FILE_REGISTRY_HPP

#include <sinew.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

class FileRegistry : public sinew::RegistryConnector {
public:
    FileRegistry(const sinew::Server &server, std::filesystem::path folder, std::chrono::milliseconds lease)
        : RegistryConnector(server), folder_(std::move(folder)), lease_(lease)
    {
    }

    // This server's id, 0 while it is not registered.
    sinew::ServerId id() const { return id_; }

    void tick()
    {
        const auto now = std::chrono::steady_clock::now();
        if (id_ == 0) {
            return;
        }
        if (now - touched_ >= lease_ / 3) {
            touched_ = now;
            if (!put()) {
                report("cannot write");
            }
        }
        if (now - looked_ >= lease_ / 6) {
            looked_ = now;
            look();
        }
    }

protected:
    void register_server(const sinew::Registration &entry) override
    {
        text_.clear();
        text_.write_str(entry.group()).write_str(entry.name()).write_str(entry.host()).write_u16(entry.port());
        text_.write_len(entry.properties().size());
        for (const sinew::Property property : entry.properties()) {
            text_.write_str(property.key()).write_str(property.value());
        }
        id_ = entry.id();
        if (!put()) {
            id_ = 0;
            register_failed("cannot write to the registry's folder " + folder_.string() + "; is it there, and writable?").ignore();
        } else if (registered(entry.id())) {
            touched_ = std::chrono::steady_clock::now();
        } else {
            deregister_server(entry.id()); // it has been stopped meanwhile
        }
    }

    void deregister_server(sinew::ServerId id) override
    {
        id_ = 0;
        remove(path(id, "entry"));
    }

    // Is it really there? A file whose lease has ended goes, and its server has left.
    void handle_connection_failure(sinew::RemoteServer server) override
    {
        const auto file = path(server.id(), "entry");
        if (!lives(file)) {
            remove(file);
        }
        look();
    }

private:
    std::filesystem::path path(sinew::ServerId id, const char *kind) const { return folder_ / (std::to_string(id) + "." + kind); }

    static void remove(const std::filesystem::path &file)
    {
        std::error_code error; // somebody else may have removed it
        std::filesystem::remove(file, error);
    }

    bool lives(const std::filesystem::path &file) const
    {
        std::error_code error;
        const auto written = std::filesystem::last_write_time(file, error);
        return !error && std::filesystem::file_time_type::clock::now() - written < lease_;
    }

    bool put() const
    {
        const auto draft = path(id_, "draft");
        std::ofstream file(draft, std::ios::binary);
        const auto text = text_.bytes().text();
        file.write(text.data(), static_cast<std::streamsize>(text.size()));
        file.close();
        std::error_code error;
        std::filesystem::rename(draft, path(id_, "entry"), error);
        return file.good() && !error;
    }

    void report(const std::string &what) const { lost(what + " in the registry's folder " + folder_.string()).ignore(); }

    // Reports everybody whose lease runs. Whoever is missing has left; this server itself, and older ones of a name, are Sinew's to sort out.
    void look()
    {
        std::error_code error;
        std::filesystem::directory_iterator file(folder_, error);
        if (error) {
            report("cannot look");
            return;
        }
        restored().ignore();
        if (!snapshot_begin()) {
            return; // it is stopping
        }
        for (; !error && file != std::filesystem::directory_iterator(); file.increment(error)) {
            if (file->path().extension() == ".entry" && lives(file->path())) {
                report_entry(file->path());
            }
        }
        snapshot_end().ignore();
    }

    void report_entry(const std::filesystem::path &path) const
    {
        std::ifstream file(path, std::ios::binary);
        const std::string text(std::istreambuf_iterator<char>(file), {});
        sinew::Reader reader{sinew::Bytes(text)};
        const auto group = reader.read_str(), name = reader.read_str(), host = reader.read_str();
        const auto port = reader.read_u16();
        std::vector<sinew::Property> properties;
        for (std::size_t left = reader.read_len(); left > 0; left--) {
            const auto key = reader.read_str();
            properties.emplace_back(key, reader.read_str());
        }
        if (reader.finish()) {
            const auto id = std::strtoull(path.stem().string().c_str(), nullptr, 10);
            // What Sinew refuses (a file that somebody wrote by hand) is as good as no file.
            server_joined(sinew::Registration(id, group, name, host, port, properties.data(), properties.size())).ignore();
        }
    }

    std::filesystem::path folder_;
    std::chrono::milliseconds lease_;
    sinew::ServerId id_ = 0;
    sinew::Writer text_; // what stands in its file
    std::chrono::steady_clock::time_point touched_{}, looked_{};
};

#endif
