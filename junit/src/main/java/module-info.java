/** Tests in Java that state a scenario and expect a verdict. */
@org.jspecify.annotations.NullMarked
module dev.worldswitch.junit {
    requires static org.jspecify;
    requires transitive dev.worldswitch.explore;
    requires transitive org.junit.jupiter.api;

    exports dev.worldswitch.junit;
}
