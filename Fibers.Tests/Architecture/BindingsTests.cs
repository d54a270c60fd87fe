using System.Reflection;
using System.Runtime.InteropServices;
using Fibers.Backends;
using Fibers.Native;
using Fibers.Parking;
using Fibers.Scheduling;
using Shouldly;
using Xunit;

namespace Fibers.Tests.Architecture;

/// <summary>The bindings are written by hand; here they are compared with the header and with what the shim itself says.</summary>
public class BindingsTests
{
    private static readonly Dictionary<string, Type> s_mirrors = typeof(Shim).Assembly.GetTypes()
        .Where(static type => type.IsValueType && type.Namespace == "Fibers.Native" && type.Name.StartsWith("Native", StringComparison.Ordinal))
        .ToDictionary(static type => type.Name["Native".Length..].ToLowerInvariant());

    private static readonly MethodInfo[] s_bindings = [.. typeof(Shim).GetMethods(BindingFlags.Static | BindingFlags.Public)
        .Where(static method => method.Name.StartsWith("fibers_", StringComparison.Ordinal))];

    private static readonly LayoutRow[] s_layout = ReadLayout();

    [Fact]
    public void Every_export_of_the_header_is_bound_and_nothing_else() =>
        s_bindings.Select(static method => method.Name).Order().ShouldBe(NativeHeader.Functions.Keys.Order());

    [Fact]
    public void Every_binding_has_as_many_parameters_as_its_export()
    {
        foreach (MethodInfo method in s_bindings)
            method.GetParameters().Length.ShouldBe(NativeHeader.Functions[method.Name], method.Name);
    }

    [Fact]
    public unsafe void The_library_exports_every_function_of_the_header()
    {
        nint library = NativeLibrary.Load(Shim.Library, typeof(Shim).Assembly, null);
        foreach (string name in NativeHeader.Functions.Keys)
            NativeLibrary.TryGetExport(library, name, out _).ShouldBeTrue(name);
    }

    [Fact]
    public void The_shim_reports_every_field_of_every_struct_of_the_header()
    {
        foreach ((string name, string[] fields) in NativeHeader.Structs)
            s_layout.Where(row => row.Struct == name && !row.IsWhole).OrderBy(static row => row.Offset).Select(static row => row.Field).ShouldBe(fields, name);
        s_layout.Select(static row => row.Struct).Distinct().Order().ShouldBe(NativeHeader.Structs.Keys.Order());
    }

    [Fact]
    public void Every_struct_of_the_header_has_a_mirror_and_nothing_else() =>
        s_mirrors.Keys.Order().ShouldBe(NativeHeader.Structs.Keys.Select(MirrorKey).Order());

    [Fact]
    public void The_mirrors_have_the_sizes_and_offsets_that_the_shim_reports()
    {
        foreach (LayoutRow row in s_layout)
        {
            Type mirror = s_mirrors[MirrorKey(row.Struct)];
            if (row.IsWhole)
            {
                SizeOf(mirror).ShouldBe(row.Size, row.Struct);
                continue;
            }

            FieldInfo field = mirror.GetField(Pascal(row.Field)).ShouldNotBeNull($"{row.Struct}.{row.Field}");
            Marshal.OffsetOf(mirror, field.Name).ToInt64().ShouldBe(row.Offset, $"{row.Struct}.{row.Field}");
            SizeOf(field.FieldType).ShouldBe(row.Size, $"{row.Struct}.{row.Field}");
        }
    }

    [Fact]
    public void The_mirrors_have_no_fields_of_their_own()
    {
        foreach ((string name, string[] fields) in NativeHeader.Structs)
            s_mirrors[MirrorKey(name)].GetFields().Select(static field => field.Name).Order().ShouldBe(fields.Select(Pascal).Order(), name);
    }

    [Theory]
    [InlineData("fibers_park_state", "FIBERS_", typeof(ParkState))]
    [InlineData("fibers_wake", "FIBERS_WAKE_", typeof(Wake))]
    [InlineData("fibers_reason", "FIBERS_REASON_", typeof(ParkReason))]
    [InlineData("fibers_request_kind", "FIBERS_REQUEST_", typeof(RequestKind))]
    public void The_enums_have_the_members_and_values_of_the_header(string native, string prefix, Type mirror) =>
        Members(mirror).ShouldBe(NativeHeader.Enums[native].Select(member => (Pascal(member.Name[prefix.Length..].ToLowerInvariant()), member.Value)));

    [Fact]
    public void The_carriers_phases_are_those_of_the_header()
    {
        Type phase = typeof(Carrier).GetNestedType("Phase", BindingFlags.NonPublic).ShouldNotBeNull();
        Members(phase).ShouldBe(NativeHeader.Enums["fibers_phase"].Select(static member => (Pascal(member.Name["FIBERS_PHASE_".Length..].ToLowerInvariant()), member.Value)));
    }

    [Fact]
    public void The_fault_points_of_the_tests_are_those_of_the_header()
    {
        Dictionary<string, int> points = NativeHeader.Enums["fibers_fault_point"].ToDictionary(static member => member.Name, static member => member.Value);
        points["FIBERS_FAULT_STACK"].ShouldBe((int)Support.Faults.Stack);
        points["FIBERS_FAULT_THREAD"].ShouldBe((int)Support.Faults.Thread);
        points["FIBERS_FAULT_EPOLL_CTL"].ShouldBe((int)Support.Faults.EpollControl);
        points["FIBERS_FAULT_WOULD_BLOCK"].ShouldBe((int)Support.Faults.WouldBlock);
        points["FIBERS_FAULT_SHORT"].ShouldBe((int)Support.Faults.Short);
        points["FIBERS_FAULT_INTERRUPTED"].ShouldBe((int)Support.Faults.Interrupted);
        points["FIBERS_FAULT_MEMORY"].ShouldBe((int)Support.Faults.Memory);
        points["FIBERS_FAULT_STUCK"].ShouldBe((int)Support.Faults.Stuck);
        points["FIBERS_FAULT_SHADOW_STACK"].ShouldBe((int)Support.Faults.ShadowStack);
    }

    [Fact]
    public void The_versions_agree()
    {
        Shim.fibers_abi_version().ShouldBe(Shim.AbiVersion);
        NativeHeader.Constant("FIBERS_ABI_VERSION").ShouldBe(Shim.AbiVersion);
    }

    [Theory]
    [InlineData("Wait", "FIBERS_CALIBRATE_WAIT")]
    [InlineData("Collection", "FIBERS_CALIBRATE_COLLECTION")]
    public void The_kinds_of_calibration_agree(string constant, string native) =>
        typeof(WaitSites).GetField(constant, BindingFlags.Static | BindingFlags.NonPublic).ShouldNotBeNull().GetRawConstantValue().ShouldBe(NativeHeader.Constant(native));

    [Fact]
    public void The_count_of_closes_under_way_lies_where_the_header_says() =>
        Polling.DescriptorTable.ClosesUnderWay.ShouldBe(NativeHeader.Constant("FIBERS_CLOSES_UNDER_WAY"));

    private static IEnumerable<(string, int)> Members(Type type) =>
        Enum.GetNames(type).Select(name => (name, Convert.ToInt32(Enum.Parse(type, name)))).OrderBy(static member => member.Item2);

    private static string MirrorKey(string native) => native["fibers_".Length..].Replace("_", "");

    private static string Pascal(string snake) => string.Concat(snake.Split('_').Select(static word => char.ToUpperInvariant(word[0]) + word[1..]));

    private static long SizeOf(Type type) => type.IsPointer ? nint.Size : Marshal.SizeOf(type);

    private static unsafe LayoutRow[] ReadLayout() =>
        [.. Marshal.PtrToStringUTF8((nint)Shim.fibers_layout())!.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split(' '))
            .Select(static words => new LayoutRow(words[0], words[1], long.Parse(words[2]), long.Parse(words[3])))];

    private sealed record LayoutRow(string Struct, string Field, long Offset, long Size)
    {
        public bool IsWhole => Field == "-";
    }
}
