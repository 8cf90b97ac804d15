/** The ws command. */
@org.jspecify.annotations.NullMarked
module dev.worldswitch.cli {
    requires static org.jspecify;
    requires dev.worldswitch.explore;
    requires dev.worldswitch.server;
    requires java.xml;
    requires jdk.httpserver;
    requires jdk.unsupported;
    requires info.picocli;

    opens dev.worldswitch.cli to
            info.picocli;
}
