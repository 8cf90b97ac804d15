package dev.worldswitch.cli;

import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.server.HostThread;
import dev.worldswitch.server.SimulatedHost;
import org.jspecify.annotations.Nullable;

/** Calls and answers in the words of people: names of ioctls, fields of their structures, exits, errnos. */
final class IoctlNames {
    /** struct kvm_run (uapi linux/kvm.h): the reason, and the union that belongs to it. */
    private static final int EXIT_REASON = 8, EXIT = 32;

    private static final int EXIT_IO = 2, DATA_SHOWN = 16;
    /** uapi linux/kvm.h: KVM_REG_SIZE_MASK. */
    private static final int REG_SIZE_SHIFT = 52, REG_SIZE_MASK = 15;

    private final IoctlTable table;
    private final Abi abi;

    IoctlNames(SimulatedHost host) {
        KvmHost kvm = host.kvm();
        this.table = kvm.ioctls();
        this.abi = Abi.load(host.arch());
        abi.namer("msr", index -> kvm.msrName((int) index));
        abi.namer("reg", kvm::registerName);
    }

    /** The ioctl's name; its number where it has none. */
    String name(KvmFile file, int command) {
        IoctlTable.Row row = table.find(file.kind(), command);
        return row == null ? "0x" + Integer.toHexString(command) : row.name();
    }

    String call(HostThread thread, KvmFile file, int command, long argument) {
        String name = name(file, command);
        return "ioctl(" + file.fileName() + ", " + name + ", " + argument(thread, name, argument) + ")";
    }

    private String argument(HostThread thread, String ioctl, long argument) {
        String names = abi.argumentTable(ioctl), name = names == null ? null : abi.name(names, argument);
        if (name != null) return name;
        StructFormat format = abi.struct(ioctl);
        StructFormat.Source memory = (a, b) -> thread.client().read(a, b, 0, b.length);
        String text = format == null ? null : format.print(memory, argument, abi);
        if (text != null && ioctl.endsWith("_ONE_REG")) text += value(memory, argument);
        if (text != null) return text;
        return argument >= 0 && argument < 10 ? Long.toString(argument) : "0x" + Long.toHexString(argument);
    }

    /** What the address of a struct kvm_one_reg points to: as many bytes as the register's id says. */
    private static String value(StructFormat.Source memory, long argument) {
        byte[] head = new byte[16];
        if (!memory.read(argument, head)) return "";
        int size = 1 << (StructFormat.number(head, 0, 8) >>> REG_SIZE_SHIFT & REG_SIZE_MASK);
        byte[] value = new byte[Math.min(size, 256)];
        if (!memory.read(StructFormat.number(head, 8, 8), value)) return "";
        StringBuilder s = new StringBuilder(" -> 0x");
        int at = value.length;
        while (at > 1 && value[at - 1] == 0) at--;
        for (int i = at - 1; i >= 0; i--) s.append(String.format(i == at - 1 ? "%x" : "%02x", value[i]));
        return s.toString();
    }

    /** What KVM_RUN left in the run page. */
    String exit(SharedPages run) {
        int reason = (int) run.get(EXIT_REASON, 4);
        String name = abi.name("exit", reason);
        if (name == null) return "exit_reason=" + reason;
        StructFormat format = abi.struct(name);
        String fields = format == null ? null : format.print((a, b) -> copy(run, a, b), EXIT, abi);
        return name + (fields == null ? "" : " " + fields) + (reason == EXIT_IO ? data(run) : "");
    }

    private static boolean copy(SharedPages run, long at, byte[] into) {
        for (int i = 0; i < into.length; i++) into[i] = (byte) run.get((int) at + i, 1);
        return true;
    }

    /** The bytes of port I/O, where its data_offset says. */
    private static String data(SharedPages run) {
        int size = (int) run.get(EXIT + 1, 1), offset = (int) run.get(EXIT + 8, 8);
        long bytes = size * run.get(EXIT + 4, 4);
        if (run.get(EXIT, 1) == 0 || offset <= 0 || offset + bytes > run.bytes()) return "";
        StringBuilder s = new StringBuilder(" data=");
        for (int i = 0; i < Math.min(bytes, DATA_SHOWN); i++) s.append(String.format("%02x", run.get(offset + i, 1)));
        return bytes > DATA_SHOWN ? s.append("...").toString() : s.toString();
    }

    String answer(long answer, @Nullable String made) {
        if (made != null) return "<" + made + ">";
        if (answer >= 0) return Long.toString(answer);
        String name = abi.name("errno", -answer);
        return "-1 " + (name == null ? "errno " + -answer : name);
    }
}
