using System.Net;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Unmodified;

/// <summary><see cref="Dns.GetHostAddresses(string)"/>: the C library's look-up, on the shim's pool.</summary>
public class DnsLookups
{
    [Fact]
    public void Hundreds_of_fibers_look_names_up()
    {
        FiberStatistics before = FiberRuntime.Default.Statistics;
        FiberStatistics after = ManyFibers.Run(300, static i =>
        {
            string name = i % 2 == 0 ? "localhost" : Dns.GetHostName();
            IPAddress[] addresses = Dns.GetHostAddresses(name);
            addresses.ShouldNotBeEmpty();
            if (name == "localhost")
                addresses.ShouldAllBe(static address => IPAddress.IsLoopback(address));
        });
        (after.OffloadedCalls - before.OffloadedCalls).ShouldBeGreaterThanOrEqualTo(300);
    }

    [Fact]
    public void A_name_nobody_knows_is_a_SocketException() => ManyFibers.Run(100, static i =>
        Should.Throw<System.Net.Sockets.SocketException>(() => Dns.GetHostAddresses($"nobody-{i}.invalid")));

    [Fact]
    public void An_address_in_digits_needs_no_look_up()
    {
        long before = FiberRuntime.Default.Statistics.OffloadedCalls;
        ManyFibers.Run(200, static i => Dns.GetHostAddresses($"127.0.0.{1 + i % 200}").ShouldHaveSingleItem());
        FiberRuntime.Default.Statistics.OffloadedCalls.ShouldBe(before);
    }
}
