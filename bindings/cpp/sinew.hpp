// Sinew in C++: joins dedicated game servers into one cluster. MIT OR Apache-2.0.
//
// Header-only, over sinew.h and the library; C++17 or later; needs neither exceptions nor run-time types, and throws nothing of its own.
// Read the headers below in their order, or docs/cpp.md first. What holds for all of it:
//
// SHAPE. Start a sinew::Server from a TOML text, then go through server.poll() once per frame: everything that happened since the last
// time comes out of it, on your thread, as events. Nothing else ever reaches your program: Sinew never calls your code (a
// RegistryConnector is called by your own dispatch()). For each remote server the order is always joined, connected, message...,
// disconnected, ..., left.
//
// OWNERSHIP. A Server owns the server: its destructor stops it and ends its threads, sockets and files within limits.shutdown_ms.
// RemoteServer, Group and Request are small values that point at it: copy and keep them as you like, but do not use them after the
// Server has ended. One whose remote server has left is answered with Code::UnknownServer, nothing worse. What an event points to
// (payloads, text) is lent until the next poll on that server: copy what you keep. What you pass in is copied before the call returns.
//
// ERRORS. What can fail returns a Result: it converts to bool, tells a Code for free, and the whole sentence as an Error when you ask
// for it. Nothing throws; only what fills a std::string or std::vector may run out of memory, and says so as these do.
//
// THREADS. Any thread may call any const function at any time; poll() runs on one thread at a time (a second one gets Code::Busy). Moving,
// assigning to and destroying a Server is yours alone: no other thread may use it meanwhile, except for one poll that waits, which is
// ended with Code::Stopped by the destructor.
//
// MEMORY. poll(), send() and what they hand over allocate nothing.

#ifndef SINEW_HPP
#define SINEW_HPP

#if __cplusplus < 201703L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 201703L)
#error "sinew.hpp is C++17: compile with -std=c++17 or later (in CMake: target_compile_features(game PRIVATE cxx_std_17))"
#endif

#include "sinew/bytes.hpp"    // Bytes: lent bytes
#include "sinew/names.hpp"    // Code, SendMode, EventType and all other numbers by name
#include "sinew/result.hpp"   // Result, Error
#include "sinew/writer.hpp"   // Writer: fills payloads
#include "sinew/reader.hpp"   // Reader: takes them apart
#include "sinew/info.hpp"     // LocalInfo, GroupInfo, RemoteInfo, Stats, Registration
#include "sinew/remote.hpp"   // RemoteServer, Group, Broadcast, Policy
#include "sinew/event.hpp"    // Event, Message, Request, Reply, Batch
#include "sinew/server.hpp"   // Server
#include "sinew/registry.hpp" // RegistryConnector: a registry of your own

#endif
