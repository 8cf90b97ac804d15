package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.Assembler;
import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * A program of {@code native/semantics} whose first 64 KiB are a ROM and whose rest is loaded at 1 MiB, with cases behind it:
 * run here and on QEMU's TCG. It ends with its results, from {@link #RESULTS} on, and writes them to QEMU's port 0xe9.
 */
final class BareMetal {
    static final int ROM = 0x10000, BASE = 0x100000, RESULTS = 0x600000, SIZE = 16 << 20;
    private static final int GDT = 0x1000;
    private final byte[] program;
    /** What is loaded at {@link #BASE}. */
    final ByteBuffer image = ByteBuffer.allocate(RESULTS - BASE).order(ByteOrder.LITTLE_ENDIAN);

    BareMetal(String name) throws IOException, InterruptedException {
        program = Assembler.x86(name);
        image.put(0, program, ROM, program.length - ROM);
    }

    /** Little-endian numbers at a physical address of the image. */
    void put32(int at, long v) {
        image.putInt(at - BASE, (int) v);
    }

    ByteBuffer onQemu(String cpu, int bytes) throws IOException, InterruptedException {
        Path dir = Files.createTempDirectory("x86"), rom = dir.resolve("rom"), file = dir.resolve("image");
        Path out = dir.resolve("out");
        Files.write(rom, Arrays.copyOf(program, ROM));
        Files.write(file, image.array());
        Process p = new ProcessBuilder(
                        "qemu-system-x86_64",
                        "-M",
                        "pc",
                        "-accel",
                        "tcg",
                        "-cpu",
                        cpu,
                        "-m",
                        "16",
                        "-display",
                        "none",
                        "-monitor",
                        "none",
                        "-serial",
                        "none",
                        "-nodefaults",
                        "-no-reboot",
                        "-bios",
                        rom.toString(),
                        "-device",
                        "loader,file=" + file + ",force-raw=on,addr=" + BASE,
                        "-debugcon",
                        "file:" + out,
                        "-device",
                        "isa-debug-exit,iobase=0xf4,iosize=4")
                .inheritIO()
                .start();
        if (!p.waitFor(60, TimeUnit.SECONDS)) {
            p.destroyForcibly();
            throw new IllegalStateException("qemu-system-x86_64 does not end");
        }
        byte[] got = Files.exists(out) ? Files.readAllBytes(out) : new byte[0];
        for (Path f : new Path[] {rom, file, out}) Files.deleteIfExists(f);
        Files.delete(dir);
        if (got.length != bytes) throw new IllegalStateException("qemu ended after " + got.length + " bytes");
        return ByteBuffer.wrap(got).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** @param machine that has what QEMU's CPU has, as far as the program sees */
    ByteBuffer here(String machine, int bytes) {
        MemorySegment ram = Arena.ofAuto().allocate(SIZE, 4096);
        MemorySegment.copy(MemorySegment.ofArray(image.array()), 0, ram, BASE, image.capacity());
        Region root = Region.root("test");
        X86Profile profile = X86Profile.builtIn(machine);
        X86Cpu cpu = new X86Cpu(root.child("cpu0"), 0, profile, Timing.plain(() -> 0), (c, l) -> {});
        X86State s = new X86State(root.child("vcpu"));
        Interpreter m = new Interpreter(cpu, s, new PhysicalMemory() {
            @Override
            public long page(long gpa, boolean write) {
                return gpa >= 0 && gpa < SIZE ? ram.address() + gpa : MMIO;
            }

            @Override
            public int generation() {
                return 0;
            }
        });
        for (int i = 0; i < 6; i++) {
            s.segSelector.set(i, i == X86State.CS ? 8 : 16);
            s.segLimit.set(i, 0xffffffffL);
            s.segAttr.set(i, i == X86State.CS ? 0xc09b : 0xc093);
        }
        // The ROM's descriptors.
        ram.set(ValueLayout.JAVA_LONG, GDT + 8, 0x00cf9b000000ffffL);
        ram.set(ValueLayout.JAVA_LONG, GDT + 16, 0x00cf93000000ffffL);
        s.gdtBase.set(GDT);
        s.gdtLimit.set(23);
        s.cr.set(0, X86State.CR0_PE | X86State.CR0_ET);
        s.rflags.set(2);
        s.rip.set(BASE);
        while (true) {
            X86Exit e = m.run(0);
            if (e.reason == X86Exit.IO) break;
            if (e.reason == X86Exit.WRMSR && s.gpr.get(X86State.RCX) == 0xc0000080L)
                s.efer.set(s.gpr.get(X86State.RAX) & 0xffffffffL);
            else if (e.reason != X86Exit.CR_ACCESS)
                throw new IllegalStateException(e.name()
                        + String.format(
                                " at %x in task %x, EBX %x, result %x",
                                s.rip.get(), s.segSelector.get(X86State.TR), s.gpr.get(3), s.gpr.get(7)));
            else writeCr(m, s, e);
            s.rip.set(s.rip.get() + e.length);
        }
        ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        MemorySegment.copy(ram, RESULTS, MemorySegment.ofArray(out.array()), 0, bytes);
        return out;
    }

    private static void writeCr(Interpreter m, X86State s, X86Exit e) {
        s.cr.set(e.vector, e.payload);
        boolean wide = (s.cr.get(0) & X86State.CR0_PG) != 0 && (s.efer.get() & X86State.EFER_LME) != 0;
        s.efer.set(wide ? s.efer.get() | X86State.EFER_LMA : s.efer.get() & ~X86State.EFER_LMA);
        m.flushTlb();
    }
}
