/** The ws command. */
@org.jspecify.annotations.NullMarked
module dev.worldswitch.cli {
    requires static org.jspecify;
    requires dev.worldswitch.kvm;
    requires info.picocli;

    opens dev.worldswitch.cli to info.picocli;
}
