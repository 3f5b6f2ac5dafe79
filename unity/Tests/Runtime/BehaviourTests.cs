using System.Collections;
using System.Collections.Generic;
using NUnit.Framework;
using UnityEngine;
using UnityEngine.TestTools;

namespace Sinew.Tests
{
    /// <summary>The component, in a scene that plays.</summary>
    [TestFixture]
    public sealed class BehaviourTests
    {
        private const float PatienceSeconds = 30;

        private readonly List<GameObject> made = new List<GameObject>();

        [TearDown]
        public void Clean()
        {
            foreach (GameObject one in made) Object.DestroyImmediate(one);
            made.Clear();
        }

        /// <summary>Each server reports itself to the others through a list: so no test needs a port that is known beforehand.</summary>
        private SinewServerBehaviour World(Neighbourhood everybody, string name, PollIn pollIn = PollIn.Update)
        {
            var child = new GameObject(name);
            made.Add(child);
            child.SetActive(false);
            var server = child.AddComponent<SinewServerBehaviour>();
            server.settings.group = "world";
            server.settings.serverName = name;
            server.settings.topology = new[] { new GroupSettings { name = "world", connectsTo = new[] { "world" } } };
            server.settings.more = "registry.kind = 'external'\n";
            server.MakeConnector = () => new Neighbour(everybody);
            server.pollIn = pollIn;
            return server;
        }

        [UnityTest]
        public IEnumerator TwoServersTalk()
        {
            var everybody = new Neighbourhood();
            SinewServerBehaviour one = World(everybody, "one"), two = World(everybody, "two", PollIn.PreUpdate);
            var seen = new List<string>();
            one.Started += (sender, e) => seen.Add("started");
            one.ServerJoined += (sender, e) => seen.Add("joined " + e.RemoteServer.Name);
            one.ServerConnected += (sender, e) =>
            {
                seen.Add("connected " + e.RemoteServer.Name);
                e.RemoteServer.SendMessage(7, new byte[] { 1, 2, 3 });
            };
            two.MessageReceived += (sender, e) => e.RemoteServer.SendMessage(8, e.Data);
            one.MessageReceived += (sender, e) => seen.Add("message " + e.Tag + " of " + e.Data.Length);
            one.ServerDisconnected += (sender, e) => seen.Add("disconnected " + e.Reason);
            one.ServerLeft += (sender, e) => seen.Add("left " + e.Reason);
            one.gameObject.SetActive(true);
            two.gameObject.SetActive(true);

            float began = Time.unscaledTime;
            yield return null;
            Assert.That(one.Mistake, Is.Null);
            while (!seen.Contains("message 8 of 3") && Time.unscaledTime < began + PatienceSeconds) yield return null;
            two.gameObject.SetActive(false);
            while (seen.Count < 6 && Time.unscaledTime < began + PatienceSeconds) yield return null;
            Assert.That(string.Join(", ", seen.ToArray()),
                Is.EqualTo("started, joined two, connected two, message 8 of 3, disconnected PeerStopped, left Stopped"));
            Assert.That(two.Server, Is.Null);
        }

        [UnityTest]
        public IEnumerator AGracefulStopEndsWithStopped()
        {
            SinewServerBehaviour one = World(new Neighbourhood(), "one");
            StopReason? reason = null;
            one.Started += (sender, e) => one.StopServer();
            one.Stopped += (sender, e) => reason = e.Reason;
            one.gameObject.SetActive(true);
            float began = Time.unscaledTime;
            while ((reason == null || one.Server != null) && Time.unscaledTime < began + PatienceSeconds) yield return null;
            Assert.That(reason, Is.EqualTo(StopReason.Requested));
            Assert.That(one.Server, Is.Null);
        }

        [UnityTest]
        public IEnumerator AMistakeIsTold()
        {
            LogAssert.ignoreFailingMessages = true;
            SinewServerBehaviour one = World(new Neighbourhood(), "one");
            string told = null;
            one.settings.more += "limits.outbox_byte = 1\n";
            one.StartFailed += why => told = why;
            one.gameObject.SetActive(true);
            yield return null;
            Assert.That(one.Server, Is.Null);
            Assert.That(told, Does.Contain("limits.outbox_byte is not a known key; did you mean limits.outbox_bytes?"));
            Assert.That(one.Mistake, Is.EqualTo(told));
        }
    }
}
