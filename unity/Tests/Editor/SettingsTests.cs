using System;
using NUnit.Framework;
using UnityEngine;

namespace Sinew.Tests
{
    /// <summary>What the inspector's fields become.</summary>
    [TestFixture]
    public sealed class SettingsTests
    {
        [Test]
        public void WhatIsEmptyIsLeftOut()
        {
            var settings = new ServerSettings { group = "world" };
            Assert.That(settings.ToToml(), Is.EqualTo("server.group = \"world\"\nlog.level = \"info\"\nlog.to = \"events\"\n"));
            Assert.That(settings.ToToml(false), Is.EqualTo("server.group = \"world\"\nlog.level = \"info\"\n"));
        }

        [Test]
        public void EveryFieldIsAKey()
        {
            Assert.That(Full().ToToml(), Is.EqualTo(
                "server.group = \"lobby\"\n" +
                "server.name = \"lobby-1\"\n" +
                "server.listen = \"127.0.0.1:0\"\n" +
                "server.advertise = \"lobby.example.net\"\n" +
                "server.properties.\"map name\" = \"de_dust\"\n" +
                "groups.\"lobby\".visibility = \"external\"\n" +
                "groups.\"lobby\".connects_to = [\"eu.world\", \"lobby\"]\n" +
                "groups.\"eu.world\".visibility = \"internal\"\n" +
                "groups.\"eu.world\".connects_to = []\n" +
                "registry.addresses = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n" +
                "registry.host = true\n" +
                "registry.listen = \"127.0.0.1:0\"\n" +
                "cluster.name = \"test\"\n" +
                "cluster.key_file = \"keys\\\\test.key\"\n" +
                "log.level = \"debug\"\n" +
                "log.to = \"events\"\n" +
                "limits.outbox_bytes = 65536\n"));
        }

        [Test]
        public void TextIsWrittenAsTomlWantsIt()
        {
            var settings = new ServerSettings { group = "a\"b\\c\nd\u007f" };
            Assert.That(settings.ToToml(), Does.StartWith("server.group = \"a\\\"b\\\\c\\u000ad\\u007f\"\n"));
        }

        [Test]
        public void TheOtherSourcesAreTakenAsTheyAre()
        {
            var settings = new ServerSettings { source = ConfigurationSource.Text, text = "some = 'text'" };
            Assert.That(settings.ToToml(), Is.EqualTo("some = 'text'"));
            settings.source = ConfigurationSource.Asset;
            Assert.Throws<InvalidOperationException>(() => settings.ToToml());
            settings.asset = new TextAsset("an = 'asset'");
            Assert.That(settings.ToToml(), Is.EqualTo("an = 'asset'"));
        }

        internal static ServerSettings Full()
        {
            return new ServerSettings
            {
                group = "lobby",
                serverName = "lobby-1",
                listen = "127.0.0.1:0",
                advertise = "lobby.example.net",
                properties = new[] { new PropertySettings { key = "map name", value = "de_dust" } },
                topology = new[]
                {
                    new GroupSettings { name = "lobby", external = true, connectsTo = new[] { "eu.world", "lobby" } },
                    new GroupSettings { name = "eu.world" },
                },
                registryAddresses = new[] { "127.0.0.1:1", "127.0.0.1:2" },
                hostRegistry = true,
                registryListen = "127.0.0.1:0",
                clusterName = "test",
                keyFile = "keys\\test.key",
                logLevel = LogLevel.Debug,
                more = "limits.outbox_bytes = 65536\n",
            };
        }
    }
}
