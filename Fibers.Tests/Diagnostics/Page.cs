using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;
using System.Reflection;
using Fibers.Diagnostics;
using Fibers.Tests.Support;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Diagnostics;

/// <summary>Prose drifts unless something checks it.</summary>
public class Page
{
    private static readonly string s_page = Repository.Read("docs/diagnostics.md");

    [Fact]
    public void The_page_names_every_instrument_of_the_meter()
    {
        var names = new List<string>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, _) => { if (instrument.Meter.Name == "Fibers") names.Add(instrument.Name); } };
        FiberMeter.Follow();
        listener.Start();
        names.Count.ShouldBeGreaterThan(10);
        foreach (string name in names)
            s_page.ShouldContain($"`{name}`");
    }

    [Fact]
    public void The_page_names_every_event_of_the_source()
    {
        string[] names = [.. typeof(FiberEvents).GetMethods().Where(static method => method.GetCustomAttribute<EventAttribute>() is not null).Select(static method => method.Name)];
        names.ShouldNotBeEmpty();
        foreach (string name in names)
            s_page.ShouldContain($"`{name}`");
    }
}
