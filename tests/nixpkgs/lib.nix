let
  lib = {
    inherit (builtins)
      attrNames
      attrValues
      concatLists
      concatMap
      concatStringsSep
      elem
      filter
      head
      isFunction
      listToAttrs
      mapAttrs
      removeAttrs
      ;

    fix =
      f:
      let
        x = f x;
      in
      x;

    genAttrs =
      names: f:
      lib.listToAttrs (
        map (name: {
          inherit name;
          value = f name;
        }) names
      );

    optional = condition: x: if condition then [ x ] else [ ];
    optionals = condition: xs: if condition then xs else [ ];
    optionalAttrs = condition: xs: if condition then xs else { };
    optionalString = condition: s: if condition then s else "";

    unique = names: lib.attrNames (lib.genAttrs names (name: null));
    concatMapStringsSep =
      separator: f: xs:
      lib.concatStringsSep separator (map f xs);

    escapeShellArg = s: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString s)}'";
    escapeShellArgs = lib.concatMapStringsSep " " lib.escapeShellArg;

    makeSearchPath = folder: lib.concatMapStringsSep ":" (package: "${package}/${folder}");
    makeBinPath = lib.makeSearchPath "bin";
    makeLibraryPath = lib.makeSearchPath "lib";
    getName = package: package.pname or package.name;
    getExe = package: "${package}/bin/${package.meta.mainProgram or package.pname or package.name}";
    getExe' = package: program: "${package}/bin/${program}";

    cleanSource = source: source;
    fakeHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    systems.flakeExposed = [ "x86_64-linux" ];
    version = "26.05testbed";
  };
in
lib
