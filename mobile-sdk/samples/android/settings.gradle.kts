pluginManagement {
    repositories {
        google()
        mavenCentral()
    }
}

dependencyResolutionManagement {
    repositories {
        // The SDK, from `mvn install`.
        mavenLocal { content { includeGroup("dev.postern") } }
        google()
        mavenCentral()
    }
}

rootProject.name = "postern-sample"
