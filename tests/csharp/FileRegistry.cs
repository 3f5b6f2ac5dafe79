// A registry without a service, written by the game: a folder that all servers share, with one file for each of them. A file appears whole, is
// touched three times per lease, and is removed when its server deregisters; one that was not touched for a lease belongs to a server that crashed.
// The twin of tests/c/file_registry.h.
using System;
using System.Collections.Generic;
using System.IO;
using Sinew;

internal sealed class FileRegistry : ServerRegistryConnector
{
    private readonly string folder;
    private readonly TimeSpan lease;
    private byte[] entry;
    private DateTime touched, looked;

    /// <summary>This server's id; 0 while it is not registered.</summary>
    internal ulong Id { get; private set; }

    internal int ConnectionFailures { get; private set; }

    internal FileRegistry(string folder, int leaseMs)
    {
        this.folder = folder;
        lease = TimeSpan.FromMilliseconds(leaseMs);
    }

    private string PathOf(ulong id, string kind)
    {
        return Path.Combine(folder, id + kind);
    }

    protected override void RegisterServer(ServerRegistration me)
    {
        var writer = new MessageWriter();
        writer.WriteString(me.Group).WriteString(me.Name).WriteString(me.Host).WriteUInt16(me.Port).WriteLength(me.Properties.Count);
        foreach (KeyValuePair<string, string> property in me.Properties) writer.WriteString(property.Key).WriteString(property.Value);
        entry = writer.ToArray();
        // What it throws is the reason that Sinew is told.
        Put(me.Id);
        if (Registered(me.Id) == SinewResult.Stopped) File.Delete(PathOf(me.Id, ".entry"));
        else Id = me.Id;
    }

    protected override void DeregisterServer(ulong id)
    {
        File.Delete(PathOf(id, ".entry"));
        Id = 0;
    }

    /// <summary>It is looked at again at once: a server that has crashed is not waited for.</summary>
    protected override void HandleConnectionFailure(IRemoteServer server)
    {
        ConnectionFailures++;
        looked = default(DateTime);
    }

    private void Put(ulong id)
    {
        File.WriteAllBytes(PathOf(id, ".draft"), entry);
        if (File.Exists(PathOf(id, ".entry"))) File.Delete(PathOf(id, ".entry"));
        File.Move(PathOf(id, ".draft"), PathOf(id, ".entry"));
        touched = DateTime.UtcNow;
    }

    /// <summary>Now and then, best once per frame.</summary>
    internal void Tick()
    {
        DateTime now = DateTime.UtcNow;
        if (Id == 0) return;
        try
        {
            if (now - touched > TimeSpan.FromTicks(lease.Ticks / 3))
            {
                touched = now;
                if (File.Exists(PathOf(Id, ".entry"))) File.SetLastWriteTimeUtc(PathOf(Id, ".entry"), now);
                else Put(Id);
            }
            if (now - looked > TimeSpan.FromTicks(lease.Ticks / 6)) Look(now);
        }
        catch (IOException exception)
        {
            looked = now;
            HandleRegistryLost("cannot look into " + folder + ": " + exception.Message);
        }
    }

    private void Look(DateTime now)
    {
        looked = now;
        var found = new List<ServerRegistration>();
        foreach (string file in Directory.GetFiles(folder, "*.entry"))
        {
            try
            {
                if (now - File.GetLastWriteTimeUtc(file) < lease) found.Add(Read(file));
            }
            catch (FileNotFoundException)
            {
                // It has said goodbye just now.
            }
            catch (MalformedMessageException)
            {
                // Somebody wrote it by hand: as good as no file.
            }
        }
        HandleRegistryRestored();
        if (BeginSnapshot() != SinewResult.Ok) return;
        foreach (ServerRegistration server in found) HandleServerJoin(server);
        EndSnapshot();
    }

    private static ServerRegistration Read(string file)
    {
        var reader = new MessageReader(File.ReadAllBytes(file));
        string group = reader.ReadString(), name = reader.ReadString(), host = reader.ReadString();
        ushort port = reader.ReadUInt16();
        var properties = new Dictionary<string, string>();
        for (int left = reader.ReadLength(); left > 0; left--)
        {
            string key = reader.ReadString();
            properties[key] = reader.ReadString();
        }
        reader.Finish();
        return new ServerRegistration(ulong.Parse(Path.GetFileNameWithoutExtension(file)), group, name, host, port, properties);
    }
}
