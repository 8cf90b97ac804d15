package dev.worldswitch.machine.arm64;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.worldswitch.machine.Assembler;
import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Random translation regimes, data of both byte orders and pointer authentication, here and on qemu-system-aarch64. */
class A64RegimeTest {
    private static final long RAM = 0x40000000L, MEMORY = 0x4000000L;
    /** In place of ESR_EL1: an access to an address with nothing behind it. */
    private static final long OUTSIDE = -1;

    /** Another reference, with a CPU of its, the machine that it is compared with, and what of a case's text says that it counts. */
    private static final String QEMU = System.getProperty("regime.qemu", "qemu-system-aarch64"),
            QEMU_CPU = System.getProperty("regime.cpu", "max"),
            MACHINE = System.getProperty("regime.machine", "max"),
            ONLY = System.getProperty("regime.only", "(?s).*");

    private static final String[] FIELDS = {"ESR", "FAR", "x2", "x3", "PAR", "memory", "memory + 8", "descriptor"};

    @Test
    void random_translation_regimes_byte_orders_and_pointer_codes_give_what_qemu_gives() throws Exception {
        long seed = Long.getLong("regime.seed", 1);
        int regimes = Integer.getInteger("regime.count", 40);
        RegimeImage image;
        ByteBuffer qemu;
        try {
            image = new RegimeImage(Assembler.arm64("a64-regime"), seed);
            for (int i = 0; i < regimes; i++) image.regime(40);
            qemu = onQemu(image);
        } catch (IOException e) {
            assumeTrue(false, e.getMessage() + "; install qemu-system-arm and gcc-aarch64-linux-gnu");
            return;
        }
        ByteBuffer ours = here(image);
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < image.cases.size(); i++) {
            if (!image.cases.get(i).text().matches(ONLY)) continue;
            String difference = difference(ours, qemu, i * RegimeImage.RESULT);
            if (!difference.isEmpty()) wrong.add(image.cases.get(i).text() + difference);
        }
        assertThat(wrong)
                .as("seed " + seed + ", " + image.cases.size() + " cases")
                .isEmpty();
    }

    private static String difference(ByteBuffer ours, ByteBuffer qemu, int at) {
        StringBuilder b = new StringBuilder();
        // There is an external abort there, or a device.
        if (ours.getLong(at) == OUTSIDE || (qemu.getLong(at) & 0x3f) == 0x10) return "";
        for (int f = 0; f < FIELDS.length; f++) {
            long a = ours.getLong(at + 8 * f), q = qemu.getLong(at + 8 * f);
            // FAR_EL1 is UNKNOWN but for aborts and PC alignment faults.
            int ec = (int) (qemu.getLong(at) >>> 26) & 0x3f;
            if (f == 1 && (ec < 0x20 || ec > 0x25)) continue;
            if (a != q) b.append(String.format("\n    %s here %x, qemu %x", FIELDS[f], a, q));
        }
        return b.toString();
    }

    private static ByteBuffer onQemu(RegimeImage image) throws IOException, InterruptedException {
        Path dir = Files.createTempDirectory("a64regime"), file = dir.resolve("image"), out = dir.resolve("uart");
        Files.write(file, image.bytes.array());
        List<String> command = new ArrayList<>(List.of(QEMU.split(" ")));
        command.addAll(List.of(
                "-M",
                "virt",
                "-cpu",
                QEMU_CPU,
                "-m",
                "64",
                "-display",
                "none",
                "-monitor",
                "none",
                "-device",
                "loader,file=" + file + ",force-raw=on,addr=" + RegimeImage.BASE,
                "-device",
                "loader,addr=" + RegimeImage.BASE + ",cpu-num=0",
                "-serial",
                "file:" + out));
        Process p = new ProcessBuilder(command).inheritIO().start();
        if (!p.waitFor(60, TimeUnit.SECONDS)) {
            p.destroyForcibly();
            throw new IllegalStateException("qemu-system-aarch64 does not end");
        }
        byte[] got = Files.readAllBytes(out);
        assertThat(got.length).isEqualTo(image.cases.size() * RegimeImage.RESULT);
        Files.delete(file);
        Files.delete(out);
        Files.delete(dir);
        return ByteBuffer.wrap(got).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static ByteBuffer here(RegimeImage image) {
        MemorySegment ram = Arena.ofAuto().allocate(MEMORY, 4096);
        MemorySegment.copy(
                MemorySegment.ofArray(image.bytes.array()), 0, ram, RegimeImage.BASE - RAM, RegimeImage.SIZE);
        Arm64Cpu cpu = new Arm64Cpu(
                Region.root("test"), 0, Arm64Profile.builtIn(MACHINE), Timing.plain(() -> 1000), (c, l) -> {});
        Arm64Interpreter run = new Arm64Interpreter(cpu, new PhysicalMemory() {
            @Override
            public long page(long gpa, boolean write) {
                return gpa >= RAM && gpa < RAM + MEMORY ? ram.address() + (gpa - RAM) : MMIO;
            }

            @Override
            public int generation() {
                return 0;
            }
        });
        cpu.sys().set(SysReg.CPTR_EL2.ordinal(), 0x330000);
        cpu.sys().set(SysReg.HCR_EL2.ordinal(), 1L << 34 | 3L << 40 | 1L << 31 | 1);
        cpu.sys().set(SysReg.SCTLR_EL1.ordinal(), 0x00c50078);
        cpu.pc().set(RegimeImage.BASE);
        cpu.pstate().set(0x3c5);
        while (true) {
            assertThat(run.run().kind).isEqualTo(Arm64Exit.SYNC);
            long ec = cpu.sys().get(SysReg.ESR_EL2.ordinal()) >>> 26;
            assertThat(ec).isIn(0x20L, 0x24L);
            // The program has come to the UART.
            if (ec == 0x24 && cpu.sys().get(SysReg.FAR_EL2.ordinal()) == 0x09000000) break;
            cpu.gpr().set(20, OUTSIDE);
            cpu.pc().set(cpu.sys().get(SysReg.VBAR_EL1.ordinal()) + 8);
            cpu.pstate().set(0x3c5);
        }
        return ram.asSlice(RegimeImage.RESULTS - RAM, image.cases.size() * (long) RegimeImage.RESULT)
                .asByteBuffer()
                .order(ByteOrder.LITTLE_ENDIAN);
    }
}
