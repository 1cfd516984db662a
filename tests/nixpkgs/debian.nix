# From .debs to store paths that run.
{ lib, system }:
let
  # Written by tests/testbed.sh:
  # { busybox = HASH; debs.NAME = { version, sha256, depends = [ NAME… ]; }; }
  data = builtins.fromJSON (builtins.readFile ./debs.json);
  table = import ./packages.nix;
in
rec {
  # What the test bed or a test puts into the store beforehand, known by its hash
  # alone; so it is never built and nothing is fetched.
  seeded =
    name: mode: hash:
    derivation {
      inherit name system;
      builder = "/bin/sh";
      args = [
        "-c"
        "echo '${name} is not in the store: run tests/testbed.sh' >&2; exit 1"
      ];
      outputHashMode = mode;
      outputHashAlgo = if builtins.substring 0 7 hash == "sha512-" then "sha512" else "sha256";
      outputHash = hash;
      preferLocalBuild = true;
    };
  deb = name: seeded "${name}.deb" "flat" data.debs.${name}.sha256;
  busybox = seeded "busybox" "recursive" data.busybox;

  has = name: data.debs ? ${name};
  versionOf =
    name: builtins.elemAt (builtins.match "([0-9]+:)?([^-~+]*).*" data.debs.${name}.version) 1;

  closure =
    names:
    let
      keys = map (key: {
        inherit key;
      });
    in
    map (x: x.key) (
      builtins.genericClosure {
        startSet = keys names;
        operator = { key }: keys data.debs.${key}.depends;
      }
    );

  # A derivation whose script can use the functions of debian.sh.
  unpacking =
    name: env: script:
    derivation (
      {
        inherit name system busybox;
        builder = "${busybox}/bin/sh";
        args = [
          "-euc"
          ". ${builtins.toFile "debian.sh" (builtins.readFile ./debian.sh)}\n${script}"
        ];
      }
      // env
    );

  # The shared libraries of some .debs in one folder, the loader among them.
  sharedLibraries =
    name: env: names:
    unpacking name (env // { srcs = map deb names; }) ''
      unpack u $srcs
      mkdir -p $out/lib
      cp -a u/usr/lib/x86_64-linux-gnu/*.so* $out/lib/
      [ -z "$patchelf" ] || drop_runpaths
    '';
  isLibrary =
    name: builtins.match "(lib.*|zlib1g)" name != null && builtins.match ".*-(bin|dev)" name == null;

  # Shared by everything in packages.nix, whatever extra programs were asked for.
  libraryDebs =
    let
      all =
        lib.attrValues table.programs
        ++ lib.attrValues table.pythonModules
        ++ [
          table.python
          table.runtime
        ];
    in
    lib.unique (lib.filter isLibrary (closure (lib.concatMap (package: package.debs) all)));
  libs = sharedLibraries "debian-libs" { } libraryDebs;
  ld = "${libs}/lib/ld-linux-x86-64.so.2";

  # Environment of a script that calls `relocate`.
  relocation = {
    inherit ld libs;
    patchelf =
      let
        bootstrap = unpacking "patchelf-bootstrap" { src = deb "patchelf"; } ''
          unpack u $src
          mkdir -p $out/bin
          cp u/usr/bin/patchelf $out/bin/.patchelf
          script $out/bin/patchelf "exec ${ld} --library-path ${libs}/lib $out/bin/.patchelf \"\$@\""
        '';
      in
      "${bootstrap}/bin/patchelf";
  };

  program =
    moreEnv: pname:
    {
      debs,
      mainProgram ? pname,
      install ? "",
    }:
    let
      version = versionOf (lib.head debs);
      ownLibraryDebs = lib.filter (name: isLibrary name && !lib.elem name (debs ++ libraryDebs)) (
        closure debs
      );
      env =
        relocation
        // moreEnv
        // {
          srcs = map deb debs;
          libPath =
            lib.optionalString (ownLibraryDebs != [ ])
              "${sharedLibraries "${pname}-libs" relocation ownLibraryDebs}/lib";
        };
    in
    describe pname version mainProgram (
      unpacking "${pname}-${version}" env ''
        unpack u $srcs
        take u
        ${install}
        relocate
      ''
    );

  describe =
    pname: version: mainProgram: drv:
    let
      self = drv // {
        inherit pname version;
        meta = { inherit mainProgram; };
        # Nixpkgs splits these off; here all is one output.
        bin = self;
        dev = self;
        lib = self;
      };
    in
    self;

  programs = lib.mapAttrs (program { }) table.programs;
  extra = lib.mapAttrs (
    name: package:
    if has (lib.head package.debs) then
      program { inherit gcc; } name package
    else
      throw "${name} is not in the test bed: run tests/testbed.sh --with ${name}"
  ) (import ./extra.nix);

  cacert = describe "nss-cacert" (versionOf "ca-certificates") "" (
    unpacking "nss-cacert" { srcs = map deb table.cacert.debs; } ''
      unpack u $srcs
      mkdir -p $out/etc/ssl/certs
      cat u/usr/share/ca-certificates/mozilla/*.crt > $out/etc/ssl/certs/ca-bundle.crt
    ''
  );

  # A root of its own: gcc finds headers and start files relative to itself.
  # What it links finds its libraries and its loader in $libs.
  gcc =
    let
      version = versionOf "gcc-14";
    in
    describe "gcc" version "gcc" (
      unpacking "gcc-wrapper-${version}" (relocation // { srcs = map deb (closure table.gcc.debs); }) ''
        mkdir -p $out/bin $out/root/usr
        ln -s usr/lib $out/root/lib
        ln -s usr/lib64 $out/root/lib64
        unpack $out/root $srcs
        rm -rf $out/root/usr/share $out/root/etc
        libPath=$out/root/usr/lib/x86_64-linux-gnu
        relocate
        tool=$out/root/usr/bin/x86_64-linux-gnu
        # RPATH, not RUNPATH, so that it reaches libraries of libraries.
        flags="--sysroot=$out/root -B$out/bin/ -Wl,-dynamic-linker,$ld -Wl,-rpath,$libs/lib -Wl,--disable-new-dtags"
        for name in gcc cc; do script $out/bin/$name "exec $tool-gcc-14 $flags \"\$@\""; done
        for name in g++ c++; do script $out/bin/$name "exec $tool-g++-14 $flags \"\$@\""; done
        script $out/bin/cpp "exec $tool-cpp-14 --sysroot=$out/root \"\$@\""
        for name in ar as ld nm objcopy objdump ranlib readelf strip; do
          ln -s $tool-$name $out/bin/$name
        done
      ''
    );

  python =
    let
      version = versionOf (lib.head table.python.debs);
    in
    describe "python3" version "python3" (
      unpacking "python3-${version}" (relocation // { srcs = map deb table.python.debs; }) ''
        unpack u $srcs
        take u
        ln -s python3.13 $out/bin/python3
        ln -s python3.13 $out/bin/python
        rm -rf $out/lib/python3 $out/lib/python3.13/sitecustomize.py
        relocate
      ''
    );

  # A virtual environment of Debian's modules, so that python -I sees them too.
  pythonEnv =
    modules:
    let
      isModule = name: builtins.match "python3-.*" name != null;
      env = relocation // {
        inherit cacert python;
        srcs = map deb (
          lib.unique (lib.filter isModule (closure (lib.concatMap (module: module.debs) modules)))
        );
      };
    in
    describe "python3" python.version "python3" (
      unpacking "python3-${python.version}-env" env ''
        mkdir -p u/usr/lib/python3/dist-packages $out/bin $out/lib/python3.13
        unpack u $srcs
        cp -a u/usr/lib/python3/dist-packages $out/lib/python3.13/site-packages
        echo "home = $python/bin" > $out/pyvenv.cfg
        for name in python python3 python3.13; do
          script $out/bin/$name \
            "exec $ld --argv0 \"\$0\" --library-path $libs/lib $python/bin/.python3.13-real \"\$@\""
        done
        for file in u/usr/bin/*; do
          [ -f "$file" ] || continue
          sed "1s,^#!.*python.*,#!$out/bin/python3," "$file" > "$out/bin/''${file##*/}"
          chmod 555 "$out/bin/''${file##*/}"
        done
        # Debian's certifi points to a file of the system.
        for file in $out/lib/python3.13/site-packages/certifi/core.py; do
          [ ! -e "$file" ] || sed -i "s,/etc/ssl/certs/ca-certificates.crt,$cacert/etc/ssl/certs/ca-bundle.crt," "$file"
        done
      ''
    );
  pythonModules = lib.mapAttrs (name: module: pythonEnv [ module ] // module) table.pythonModules;
}
