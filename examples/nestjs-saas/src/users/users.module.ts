import { Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { SignInController } from './sign-in-controller.ts'
import { SignIn } from './sign-in.ts'
import { User } from './user.entity.ts'
import { UsersController } from './users-controller.ts'
import { Users } from './users.ts'

@Module({
  imports: [TypeOrmModule.forFeature([User])],
  controllers: [SignInController, UsersController],
  providers: [SignIn, Users],
  exports: [Users],
})
export class UsersModule {}
