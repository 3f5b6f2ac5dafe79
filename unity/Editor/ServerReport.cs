using System.Text;

namespace Sinew.Editing
{
    /// <summary>How it stands with a running server and its links, as text for the window.</summary>
    public static class ServerReport
    {
        /// <summary>What the server is, one line of numbers, and for each server in view why its link is, or is not, up.</summary>
        public static string Of(SinewServer server)
        {
            var text = new StringBuilder();
            ServerStats stats = server.Stats();
            text.Append(server.Group).Append('/').Append(server.Name).Append(server.ServerId == 0 ? ", not registered yet" : ", id " + server.ServerId);
            text.Append(", at ").Append(server.Host).Append(':').Append(server.Port).AppendLine();
            text.Append(stats.Connected).Append(" of ").Append(stats.Servers).Append(" servers in view connected; ");
            text.Append(stats.MessagesSent).Append(" messages sent, ").Append(stats.MessagesReceived).Append(" received; the oldest event waits for ");
            text.Append(stats.OldestEventWaitUs).AppendLine(" us");
            foreach (IServerGroup group in server.GetAllGroups())
            {
                foreach (IRemoteServer remote in group.GetAllRemoteServers())
                {
                    text.AppendLine().Append(group.Name).Append('/').Append(remote.Name).Append(": ").Append(remote.ConnectionState).AppendLine();
                    text.AppendLine(remote.Explain() ?? "it has left just now");
                }
            }
            return text.ToString();
        }
    }
}
