/** Every timing: choices, schedules, properties, scenarios, timelines. */
@org.jspecify.annotations.NullMarked
module dev.worldswitch.explore {
    requires static transitive org.jspecify;
    requires transitive dev.worldswitch.kvm;

    exports dev.worldswitch.explore;
    exports dev.worldswitch.explore.migrate;
}
