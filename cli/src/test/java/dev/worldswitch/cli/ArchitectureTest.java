package dev.worldswitch.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The rules of the house that a compiler does not check. */
class ArchitectureTest {
    private static final String[] DETERMINISTIC = {
        "dev.worldswitch.machine..", "dev.worldswitch.kernel..", "dev.worldswitch.kvm.."
    };
    private final JavaClasses classes = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.worldswitch");

    @Test
    void machineKernelAndKvmHaveNoClockAndNoRandomness() {
        noClasses()
                .that()
                .resideInAnyPackage(DETERMINISTIC)
                .should()
                .dependOnClassesThat()
                .haveNameMatching(
                        "java\\.util\\.(Random|SplittableRandom|concurrent\\.ThreadLocalRandom)|java\\.time\\..*")
                .orShould()
                .callMethod(System.class, "nanoTime")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(System.class, "identityHashCode", Object.class)
                .check(classes);
    }

    @Test
    void machineKernelAndKvmStartNoThreads() {
        noClasses()
                .that()
                .resideInAnyPackage(DETERMINISTIC)
                .should()
                .callConstructor(Thread.class)
                .orShould()
                .callConstructor(Thread.class, Runnable.class)
                .orShould()
                .dependOnClassesThat()
                .haveNameMatching("java\\.util\\.concurrent\\.(Executor.*|ForkJoinPool)")
                .check(classes);
    }

    @Test
    void onlyProfilesAndOperationTemplatesAreReadFromResources() {
        noClasses()
                .that()
                .resideInAnyPackage(DETERMINISTIC)
                .and()
                .doNotHaveSimpleName("MachineProfile")
                .and()
                .doNotHaveSimpleName("OpTemplate")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.io..", "java.net..", "java.nio.file..", "java.nio.channels..")
                .check(classes);
    }

    @Test
    void layersOnlyPointDown() {
        noClasses()
                .that()
                .resideInAPackage("dev.worldswitch.machine..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.worldswitch.kernel..", "dev.worldswitch.kvm..")
                .check(classes);
    }

    @Test
    void theServerKnowsNoArchitecture() {
        noClasses()
                .that()
                .resideInAPackage("dev.worldswitch.server..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.worldswitch.kvm.x86..",
                        "dev.worldswitch.kvm.arm64..",
                        "dev.worldswitch.kernel.x86..",
                        "dev.worldswitch.kernel.arm64..",
                        "dev.worldswitch.machine.x86..",
                        "dev.worldswitch.machine.arm64..")
                .check(classes);
    }
}
