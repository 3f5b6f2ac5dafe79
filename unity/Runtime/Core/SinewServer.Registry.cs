using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using Sinew.Native;

namespace Sinew
{
    public sealed unsafe partial class SinewServer
    {
        /// <summary>Under which id the connector's registry has this server; 0: it has not.</summary>
        private long registered;

        private void OnRegister(sinew_registration* entry)
        {
            if (connector == null)
            {
                ReportRegisterFailed("registry.kind is \"external\", but SinewServer.Start was given no ServerRegistryConnector");
                return;
            }
            try
            {
                connector.RegisterServer(new ServerRegistration(entry->id, Text.From(entry->group, entry->group_len),
                    Text.From(entry->name, entry->name_len), Text.From(entry->host, entry->host_len), (ushort)entry->port,
                    (ServerVisibility)entry->visibility, Text.Properties(entry)));
            }
            catch (Exception exception)
            {
                ReportFailure(exception, nameof(ServerRegistryConnector.RegisterServer));
                try
                {
                    ReportRegisterFailed(exception.Message);
                }
                catch (SinewException)
                {
                    // It had registered before it threw.
                }
            }
        }

        private void OnDeregister(ulong id)
        {
            Interlocked.Exchange(ref registered, 0);
            if (connector == null) return;
            try
            {
                connector.DeregisterServer(id);
            }
            catch (Exception exception)
            {
                ReportFailure(exception, nameof(ServerRegistryConnector.DeregisterServer));
            }
        }

        /// <summary>When the server ends and nobody will poll the event that says so.</summary>
        private void DeregisterIfRegistered()
        {
            long own = Interlocked.Exchange(ref registered, 0);
            if (own != 0) OnDeregister((ulong)own);
        }

        private void OnConnectionFailure(RemoteServer server)
        {
            if (connector == null) return;
            try
            {
                connector.HandleConnectionFailure(server);
            }
            catch (Exception exception)
            {
                ReportFailure(exception, nameof(ServerRegistryConnector.HandleConnectionFailure));
            }
        }

        internal SinewResult ReportRegistered(ulong id)
        {
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            // Before the call: a Dispose on another thread finds it, or the call is answered with Stopped.
            Interlocked.Exchange(ref registered, (long)id);
            int result = NativeMethods.sinew_registry_registered(server, id);
            handle.Leave();
            if (result != NativeMethods.SINEW_RESULT_OK) Interlocked.CompareExchange(ref registered, 0, (long)id);
            return Text.Answer(result);
        }

        internal SinewResult ReportRegisterFailed(string why)
        {
            return Tell(why, (server, start, length) => NativeMethods.sinew_registry_register_failed(server, start, length));
        }

        internal SinewResult ReportRegistryLost(string why)
        {
            return Tell(why, (server, start, length) => NativeMethods.sinew_registry_lost(server, start, length));
        }

        private delegate int Told(sinew_server* server, byte* start, UIntPtr length);

        private SinewResult Tell(string why, Told call)
        {
            UIntPtr length;
            byte[] bytes = Text.Bytes(why, nameof(why), out length);
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            int result;
            fixed (byte* start = bytes) result = call(server, start, length);
            handle.Leave();
            return Text.Answer(result);
        }

        internal SinewResult ReportLeft(ulong id)
        {
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            int result = NativeMethods.sinew_registry_server_left(server, id);
            handle.Leave();
            return Text.Answer(result);
        }

        internal SinewResult ReportSnapshotBegin()
        {
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            int result = NativeMethods.sinew_registry_snapshot_begin(server);
            handle.Leave();
            return Text.Answer(result);
        }

        internal SinewResult ReportSnapshotEnd()
        {
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            int result = NativeMethods.sinew_registry_snapshot_end(server);
            handle.Leave();
            return Text.Answer(result);
        }

        internal SinewResult ReportRegistryRestored()
        {
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            int result = NativeMethods.sinew_registry_restored(server);
            handle.Leave();
            return Text.Answer(result);
        }

        internal SinewResult ReportJoined(ServerRegistration of)
        {
            // Everything pinned at once: the texts of an entry, and of each of its properties.
            var pins = new List<GCHandle>();
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            try
            {
                var properties = new sinew_property[Math.Max(1, of.Properties.Count)];
                int count = 0;
                foreach (KeyValuePair<string, string> property in of.Properties)
                {
                    properties[count].key = Pin(pins, property.Key, "a property's key", out properties[count].key_len);
                    properties[count].value = Pin(pins, property.Value, "a property's value", out properties[count].value_len);
                    count++;
                }
                var entry = new sinew_registration
                {
                    size = (uint)sizeof(sinew_registration),
                    visibility = (uint)of.Visibility,
                    id = of.Id,
                    port = of.Port,
                    property_count = (UIntPtr)count,
                };
                entry.group = Pin(pins, of.Group, "entry.Group", out entry.group_len);
                entry.name = Pin(pins, of.Name, "entry.Name", out entry.name_len);
                entry.host = Pin(pins, of.Host, "entry.Host", out entry.host_len);
                fixed (sinew_property* start = properties)
                {
                    entry.properties = start;
                    return Text.Answer(NativeMethods.sinew_registry_server_joined(server, &entry));
                }
            }
            finally
            {
                foreach (GCHandle pin in pins) pin.Free();
                handle.Leave();
            }
        }

        private static byte* Pin(List<GCHandle> pins, string text, string what, out UIntPtr length)
        {
            GCHandle pin = GCHandle.Alloc(Text.Bytes(text, what, out length), GCHandleType.Pinned);
            pins.Add(pin);
            return (byte*)pin.AddrOfPinnedObject();
        }
    }
}
